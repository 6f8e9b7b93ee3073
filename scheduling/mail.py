"""Letters: composed, then handed to a postman, who delivers, defers or refuses.

The rules:

- One letter, one recipient: nobody learns from a header who else takes part.
- Nothing that was typed can become a header: an address or subject with a line break or any other
  control character is refused before a message exists.
- A calendar entry goes along twice, as an alternative to the text and as a file, each with
  `text/calendar; method=…; charset=utf-8`; some programs take only the one, some only the other, and
  all want the same method as inside the entry.
- `MailRefused` is final: this letter, as it is, will not be taken. `MailDeferred` means: keep it and try
  again. What is wrong with us (password, disk, network) defers; only the server's word about this
  sender, recipient or text refuses.

Postmen block while they work: call them in a thread.

Sources: RFC 5322 (messages), RFC 5321 4.2.1 (4yz try again, 5yz final), RFC 6047 2.4 (calendars by mail),
RFC 3834 5 (Auto-Submitted, so that no holiday notice comes back).
"""

import os
import smtplib
import ssl
import tempfile
import unicodedata
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from itertools import count, takewhile
from pathlib import Path
from typing import Literal, Protocol, Self

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

Method = Literal["REQUEST", "CANCEL"]
Transport = Literal["plain", "starttls", "tls"]


class MailRefused(Exception):
    """Final: this letter will not be taken as it is. `str()` says why."""


class MailDeferred(Exception):
    """Not now: the letter must be kept and tried again. `str()` says why."""


class Letter(BaseModel):
    """To one bare address; `message_id` with its angle brackets, the same at every attempt.

    Raises MailRefused, with a sentence, if a part could not stand in a message.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    to: str
    subject: str
    text: str
    message_id: str
    calendar: bytes | None = None
    method: Method | None = None

    @field_validator("to")
    @classmethod
    def _can_be_written_to(cls, to: str) -> str:
        return _mailbox(to, bare=True).addr_spec

    @field_validator("subject")
    @classmethod
    def _is_one_line(cls, subject: str) -> str:
        return _one_line(subject, "The subject")

    @field_validator("message_id")
    @classmethod
    def _is_an_id(cls, message_id: str) -> str:
        inner = _one_line(message_id, "The message identifier").removeprefix("<").removesuffix(">")
        if (
            message_id != f"<{inner}>"
            or inner.count("@") != 1
            or not inner.isascii()
            or set(inner) & set(" <>")
        ):
            raise MailRefused(f"The message identifier {message_id!r} is not of the form <unique@domain>.")
        return message_id

    @model_validator(mode="after")
    def _calendar_says_the_same(self) -> Self:
        if (self.calendar is None) != (self.method is None):
            raise MailRefused("A calendar entry and its method go together.")
        if self.calendar is not None and f"METHOD:{self.method}".encode() not in self.calendar.splitlines():
            raise MailRefused(f"The calendar entry does not say METHOD:{self.method}.")
        return self


class Postman(Protocol):
    """Carries one message to the recipient in its `To` header."""

    def deliver(self, message: EmailMessage) -> None:
        """When this returns the message is somebody else's to keep. Raises: MailRefused, MailDeferred."""


def compose(letter: Letter, *, sender: str, date: datetime) -> EmailMessage:
    """The letter as a message from `sender` ("a@b" or "Name <a@b>"), dated `date` (aware).

    Raises: MailRefused if the sender could not stand in a header; ValueError if `date` is naive.
    """
    if date.tzinfo is None:
        raise ValueError("a date needs a zone")
    message = EmailMessage(policy=SMTP)
    message["From"] = _mailbox(sender, bare=False)
    message["To"] = letter.to
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(date)
    message["Message-ID"] = letter.message_id
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    if letter.calendar is not None:
        entry = letter.calendar.decode()
        params = {"method": letter.method}
        message.add_alternative(entry, subtype="calendar", params=params, cte="base64")
        message.add_attachment(entry, subtype="calendar", params=params, cte="base64", filename="hearing.ics")
    return message


class MailFolder:
    """Delivers into a folder of `1.eml`, `2.eml` …, readable by the service alone: letters hold personal links."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def deliver(self, message: EmailMessage) -> None:
        """The file is whole and on disk when this returns, and never overwrites another."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            written = self._write_apart(message.as_bytes())
            try:
                self._give_number(written)
            finally:
                written.unlink()
            _sync_folder(self._folder)
        except OSError as error:
            raise MailDeferred(f"The mail folder cannot be written: {error.strerror}.") from error

    def withdraw(self, message_ids: Collection[str]) -> None:
        """Removes these letters, if they lie here. Raises: OSError."""
        wanted = {f"Message-ID: {one}".encode() for one in message_ids}
        for path in self._folder.glob("*.eml"):
            with path.open("rb") as file:
                head = takewhile(bytes.strip, file)  # to the empty line
                found = any(line.rstrip() in wanted for line in head)
            if found:
                path.unlink(missing_ok=True)

    def _write_apart(self, content: bytes) -> Path:
        descriptor, name = tempfile.mkstemp(dir=self._folder, suffix=".part")
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return Path(name)

    def _give_number(self, written: Path) -> None:
        taken = (int(path.stem) for path in self._folder.glob("*.eml") if path.stem.isdecimal())
        for number in count(max(taken, default=0) + 1):
            try:
                os.link(written, self._folder / f"{number}.eml")  # atomic, and refuses a name that is taken
            except FileExistsError:
                continue
            return


class SmtpServer:
    """Delivers to a mail server. `timeout` in seconds, for each step of the talk."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        transport: Transport = "starttls",
        user: str | None = None,
        password: str | None = None,
        timeout: float = 30.0,
    ) -> None:
        self._host = host
        self._port = port
        self._transport = transport
        self._credentials = (user, password) if user is not None and password is not None else None
        self._timeout = timeout

    def deliver(self, message: EmailMessage) -> None:
        """Once the server has taken the letter, nothing that goes wrong while parting counts."""
        with _translated(self._host):
            server = self._connected()
            try:
                if self._transport == "starttls":
                    server.starttls(context=ssl.create_default_context())
                if self._credentials is not None:
                    server.login(*self._credentials)
                server.send_message(message)
            finally:
                _part(server)

    def _connected(self) -> smtplib.SMTP:
        if self._transport == "tls":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(self._host, self._port, timeout=self._timeout, context=context)
        return smtplib.SMTP(self._host, self._port, timeout=self._timeout)


def _part(server: smtplib.SMTP) -> None:
    with suppress(smtplib.SMTPException, OSError):
        server.quit()
    server.close()


@contextmanager
def _translated(host: str) -> Iterator[None]:
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        code, words = next(iter(error.recipients.values()))
        raise _verdict(code, words, "does not take letters for this address") from error
    except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
        raise _verdict(error.smtp_code, error.smtp_error, "does not take this letter") from error
    except smtplib.SMTPAuthenticationError as error:
        raise MailDeferred(f"The mail server {host} does not accept our name and password.") from error
    except (smtplib.SMTPException, OSError) as error:
        raise MailDeferred(f"The mail server {host} cannot be used at present: {error}.") from error


def _verdict(code: int, words: bytes | str, what: str) -> MailRefused | MailDeferred:
    said = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    kind = MailRefused if code >= 500 else MailDeferred
    return kind(f"The mail server {what}: {code} {said}")


def _mailbox(written: str, *, bare: bool) -> Address:
    _one_line(written, "The address")
    name, address = ("", written) if bare else parseaddr(written)
    try:
        mailbox = Address(display_name=name, addr_spec=address)
    except (ValueError, MessageError, IndexError, AttributeError) as error:
        raise MailRefused(f"{written!r} is not a mail address. Write it like name@example.org.") from error
    if not mailbox.domain or not mailbox.username or not mailbox.addr_spec.isascii():
        raise MailRefused(f"{written!r} is not a mail address in plain letters, like name@example.org.")
    return mailbox


def _one_line(text: str, what: str) -> str:
    if any(unicodedata.category(char) in {"Cc", "Zl", "Zp"} for char in text):
        raise MailRefused(f"{what} must be one line, without control characters.")
    return text


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
