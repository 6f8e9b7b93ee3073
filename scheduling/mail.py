"""Letters: composed, then handed to a postman, who delivers, defers or refuses.

The rules:

- One letter, one recipient: nobody learns from a header who else takes part.
- Nothing that was typed can become a header: an address or subject with a line break or any other
  control character is refused before a message exists.
- A calendar entry goes along twice, as an alternative to the text and as a file, each with
  `text/calendar; method=…; charset=utf-8`; some programs take only the one, some only the other, and
  all want the same method as inside the entry.
- `MailRefused` is final: this letter, as it is, will not be taken. `MailDeferred` means: keep it and try
  again. `MailUnreachable` says that of the server: no other letter need be tried now. What is wrong with us
  (sender, password, disk, network) defers; only the server's word about this recipient or text refuses.
- One connection carries all the letters of a round, until `part`. It is encrypted and its certificate is
  checked; a password or a letter goes out in the clear to this machine itself and nowhere else.
- Each step of the talk has a time, and the whole of a letter has one: a server that sends a byte now and
  then holds nothing up.

Postmen block while they work: call them in a thread. A postman makes one round at a time.

Sources: RFC 5322 (messages), RFC 5321 4.2.1 (4yz try again, 5yz final) and 4.5.3.2 (times), RFC 3207
(STARTTLS), RFC 6047 2.4 (calendars by mail), RFC 3834 5 (Auto-Submitted, so that no holiday notice comes back).
"""

import os
import smtplib
import socket
import ssl
import tempfile
import threading
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


STEP_SECONDS = 20.0
LETTER_SECONDS = 60.0

ADDRESS, SUBJECT, MESSAGE_ID = "The address", "The subject", "The message identifier"
NOT_ONE_LINE = "{what} must be one line, without control characters."
NO_MESSAGE_ID = "The message identifier {id} is not of the form <unique@domain>."
ENTRY_ALONE = "A calendar entry and its method go together."
OTHER_METHOD = "The calendar entry does not say METHOD:{method}."
NO_ADDRESS = "“{address}” is not a mail address. Write it like name@example.org."
ODD_ADDRESS = "“{address}” is not a mail address in plain letters, like name@example.org."
NOT_WRITABLE = "This letter holds characters that cannot be written."
NO_FOLDER = "The mail folder cannot be written: {reason}."
REFUSED_ADDRESS = "The mail server does not take letters for this address: {words}"
REFUSED_LETTER = "The mail server does not take this letter: {words}"
REFUSED_SENDER = "The mail server takes no letters from us: {words}"
NO_LOGIN = "The mail server {host} does not accept our name and password."
NO_SERVER = "The mail server {host} cannot be used at present: {reason}."
SENTENCES = (
    *(ADDRESS, SUBJECT, MESSAGE_ID),
    *(
        NOT_ONE_LINE,
        NO_MESSAGE_ID,
        ENTRY_ALONE,
        OTHER_METHOD,
        NO_ADDRESS,
        ODD_ADDRESS,
        NOT_WRITABLE,
        NO_FOLDER,
    ),
    *(REFUSED_ADDRESS, REFUSED_LETTER, REFUSED_SENDER, NO_LOGIN, NO_SERVER),
)
"""Why a letter does not go out, in words for a clerk; what stands in braces is filled in."""


class MailProblem(Exception):
    """`str()` says why, in one of `SENTENCES`."""

    def __init__(self, sentence: str, **values: object) -> None:
        super().__init__(sentence.format(**values))


class MailRefused(MailProblem):
    """Final: this letter will not be taken as it is."""


class MailDeferred(MailProblem):
    """Not now: the letter must be kept and tried again."""


class MailUnreachable(MailDeferred):
    """Not now, and no other letter either. `begun`: whether the server broke off over this very letter."""

    def __init__(self, sentence: str, *, begun: bool = False, **values: object) -> None:
        super().__init__(sentence, **values)
        self.begun = begun


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
        return _one_line(subject, SUBJECT)

    @field_validator("message_id")
    @classmethod
    def _is_an_id(cls, message_id: str) -> str:
        inner = _one_line(message_id, MESSAGE_ID).removeprefix("<").removesuffix(">")
        if (
            message_id != f"<{inner}>"
            or inner.count("@") != 1
            or not inner.isascii()
            or set(inner) & set(" <>")
        ):
            raise MailRefused(NO_MESSAGE_ID, id=message_id)
        return message_id

    @model_validator(mode="after")
    def _calendar_says_the_same(self) -> Self:
        if (self.calendar is None) != (self.method is None):
            raise MailRefused(ENTRY_ALONE)
        if self.calendar is not None and f"METHOD:{self.method}".encode() not in self.calendar.splitlines():
            raise MailRefused(OTHER_METHOD, method=self.method)
        return self


class Postman(Protocol):
    """Carries one message to the recipient in its `To` header."""

    def deliver(self, message: EmailMessage) -> None:
        """When this returns the message is somebody else's to keep.

        Raises: MailRefused, MailDeferred, MailUnreachable.
        """

    def part(self) -> None:
        """The round is over; nothing that goes wrong now counts."""


def compose(letter: Letter, *, sender: str, date: datetime) -> EmailMessage:
    """The letter as a message from `sender` ("a@b" or "Name <a@b>"), dated `date` (aware).

    Raises: MailRefused if a part could not be written; ValueError if `date` is naive.
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
    try:
        message.set_content(letter.text)
        if letter.calendar is not None:
            entry = letter.calendar.decode()
            params = {"method": letter.method}
            message.add_alternative(entry, subtype="calendar", params=params, cte="base64")
            message.add_attachment(
                entry, subtype="calendar", params=params, cte="base64", filename="hearing.ics"
            )
        message.as_bytes()
    except UnicodeError as error:
        raise MailRefused(NOT_WRITABLE) from error
    return message


def check_sender(sender: str) -> None:
    """Raises: MailRefused if no letter could bear it."""
    _mailbox(sender, bare=False)


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
            raise MailUnreachable(NO_FOLDER, reason=error.strerror) from error

    def part(self) -> None:
        """There is nothing to part from."""

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
    """Delivers to a mail server. `step`: seconds for each step of the talk; `whole`: for one letter from beginning to
    end. `context`: whom to trust, the authorities that this machine trusts if left out.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        transport: Transport = "starttls",
        credentials: tuple[str, str] | None = None,
        step: float = STEP_SECONDS,
        whole: float = LETTER_SECONDS,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._transport = transport
        self._credentials = credentials
        self._step = step
        self._whole = whole
        self._context = context or ssl.create_default_context()
        self._talk: smtplib.SMTP | None = None

    def deliver(self, message: EmailMessage) -> None:
        """Over the connection that stands, or a new one."""
        begun = False
        try:
            with self._cut_off():
                talk = self._standing() or self._connected()
                begun = True
                talk.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            code, words = next(iter(error.recipients.values()))
            raise self._verdict(code, words, REFUSED_ADDRESS) from error
        except smtplib.SMTPSenderRefused as error:
            raise self._verdict(error.smtp_code, error.smtp_error, REFUSED_SENDER) from error
        except smtplib.SMTPDataError as error:
            raise self._verdict(error.smtp_code, error.smtp_error, REFUSED_LETTER) from error
        except smtplib.SMTPAuthenticationError as error:
            self._drop()
            raise MailUnreachable(NO_LOGIN, host=self._host) from error
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            raise MailUnreachable(NO_SERVER, begun=begun, host=self._host, reason=_brief(error)) from error

    def part(self) -> None:
        if self._talk is not None:
            with suppress(smtplib.SMTPException, OSError), self._cut_off(self._step):
                self._talk.quit()
        self._drop()

    def _standing(self) -> smtplib.SMTP | None:
        """The connection of the letter before, if the server still answers on it."""
        if self._talk is not None:
            with suppress(smtplib.SMTPException, OSError):
                if self._talk.noop()[0] == _FINE:
                    return self._talk
            self._drop()
        return None

    def _connected(self) -> smtplib.SMTP:
        if self._transport == "tls":
            talk: smtplib.SMTP = _TalkOverTls(self, self._host, self._port, self._step, self._context)
        else:
            talk = _Talk(self, self._host, self._port, self._step)
        if self._transport == "starttls":
            talk.starttls(context=self._context)
        if self._credentials is not None:
            talk.login(*self._credentials)
        return talk

    def begins(self, talk: smtplib.SMTP) -> None:
        """It can be cut off from now on, even while the server has yet to greet."""
        self._talk = talk

    @contextmanager
    def _cut_off(self, after: float | None = None) -> Iterator[None]:
        timer = threading.Timer(after or self._whole, self._shut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _shut(self) -> None:
        line = self._talk.sock if self._talk is not None else None
        if line is not None:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)  # closing would not wake whoever waits on it

    def _drop(self) -> None:
        if self._talk is not None:
            self._talk.close()
        self._talk = None

    def _verdict(self, code: int, words: bytes | str, sentence: str) -> MailProblem:
        """What the server's answer means for the letter (RFC 5321 4.2.1, 4.3.2)."""
        said = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
        told = f"{code} {' '.join(said.split())}"[:_MOST_WORDS]
        if code == _CLOSING:
            self._drop()
            return MailUnreachable(sentence, begun=True, words=told)
        about_us = sentence == REFUSED_SENDER and code not in _TOO_LARGE
        if about_us or code in _NOT_KNOWN_HERE:
            return MailUnreachable(REFUSED_SENDER, words=told)
        return (MailRefused if code >= _FINAL else MailDeferred)(sentence, words=told)


_FINE, _CLOSING, _FINAL = 250, 421, 500
_TOO_LARGE = {552, 523}
_NOT_KNOWN_HERE = {530, 535, 538}  # sign in first, or encrypt (RFC 4954 6, RFC 3207 4)
_MOST_WORDS = 300


class _Talk(smtplib.SMTP):
    """Shows itself before it connects."""

    def __init__(self, server: SmtpServer, host: str, port: int, step: float) -> None:
        server.begins(self)
        super().__init__(host, port, timeout=step)


class _TalkOverTls(smtplib.SMTP_SSL):
    def __init__(
        self, server: SmtpServer, host: str, port: int, step: float, context: ssl.SSLContext
    ) -> None:
        server.begins(self)
        super().__init__(host, port, timeout=step, context=context)


def _brief(error: Exception) -> str:
    told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(told.split()).rstrip(".")[:_MOST_WORDS] or type(error).__name__


def _mailbox(written: str, *, bare: bool) -> Address:
    _one_line(written, ADDRESS)
    name, address = ("", written) if bare else parseaddr(written)
    try:
        mailbox = Address(display_name=name, addr_spec=address)
    except (ValueError, MessageError, IndexError, AttributeError) as error:
        raise MailRefused(NO_ADDRESS, address=written) from error
    if not mailbox.domain or not mailbox.username or not mailbox.addr_spec.isascii():
        raise MailRefused(ODD_ADDRESS, address=written)
    return mailbox


def _one_line(text: str, what: str) -> str:
    if any(unicodedata.category(char) in {"Cc", "Zl", "Zp"} for char in text):
        raise MailRefused(NOT_ONE_LINE, what=what)
    return text


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
