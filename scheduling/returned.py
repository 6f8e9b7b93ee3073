"""Letters that come back: a Maildir that some mail program fills, and what a delivery status notification says.

The rules:

- Only a notification counts (`multipart/report; report-type=delivery-status`) that says `Action: failed` and names
  the letter: by the Message-ID of the original, quoted whole or as its headers alone, else by its own In-Reply-To.
  An answer, a holiday notice, a receipt, a warning that a letter is late are not letters that came back.
- Whoever wrote it is a stranger. It is read up to a size and to a depth; its words are cut, and are one line.
- What tells of no letter is put aside for a person to look at, so much of it and for so long and no more.

Sources: RFC 3464 (notifications), RFC 6522 (multipart/report), RFC 3834 (answers of machines), and the description of
Maildir by its author (`new` holds what nobody has seen, `cur` what somebody has).
"""

import logging
import os
import stat
import time
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, message_from_string
from email.message import Message
from itertools import chain, islice
from pathlib import Path

log = logging.getLogger(__name__)

LARGEST = 1024 * 1024  # bytes
MOST_PARTS = 20
MOST_WORDS = 300
MOST_ASIDE = 500
ASIDE_SECONDS = 30 * 24 * 3600
_ORIGINAL = {
    *("message/rfc822", "message/global"),
    *("text/rfc822-headers", "message/rfc822-headers", "message/global-headers"),
}


@dataclass(frozen=True)
class Returned:
    """`letter`: the Message-ID of what it is about; `failed`: whether it could not be delivered, or is only late or there;
    `words`: why, as the server says it, in one line.
    """

    letter: str
    failed: bool
    words: str


def read(content: bytes) -> Returned | None:
    """What a notification says of which letter. None for anything else."""
    if len(content) > LARGEST or content.lower().count(b"boundary=") > MOST_PARTS:
        return None
    try:
        return _read(message_from_bytes(content))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None  # no parser of mail is complete, and this one came from anywhere


def _read(message: Message) -> Returned | None:
    if (message.get_content_type(), message.get_param("report-type")) != (
        "multipart/report",
        "delivery-status",
    ):
        return None
    parts = [part for part in message.get_payload() if isinstance(part, Message)]
    groups = [
        group
        for part in parts
        if part.get_content_type() in {"message/delivery-status", "message/global-delivery-status"}
        for group in part.get_payload()
        if isinstance(group, Message)
    ]
    failed = [group for group in groups if _word(group["Action"]) == "failed"]
    letter = next(filter(None, map(_named, parts)), None) or _id(message["In-Reply-To"])
    if not groups or not letter:
        return None
    return Returned(letter, bool(failed), _why(failed[0]) if failed else "")


def _named(part: Message) -> str | None:
    """The Message-ID of the original, where this part quotes it."""
    if part.get_content_type() not in _ORIGINAL:
        return None
    if part.is_multipart():  # what is called message/… is read as one
        original = part.get_payload(0)
        return _id(original["Message-ID"]) if isinstance(original, Message) else None
    quoted = part.get_payload(decode=True)
    text = quoted.decode("ascii", "replace") if isinstance(quoted, bytes) else ""
    return _id(message_from_string(text.lstrip())["Message-ID"])


def _id(header: object) -> str | None:
    return str(header).strip() if header is not None else None


def _word(header: object) -> str:
    return (str(header or "").split() or [""])[0].lower()


def _why(group: Message) -> str:
    """`550 5.1.1 no such user`: what the server said, else the code of the status (RFC 3463)."""
    kind, _, said = str(group["Diagnostic-Code"] or "").rpartition(";")
    told = said if kind or said else str(group["Status"] or "")
    shown = "".join(" " if unicodedata.category(one)[0] in "CZ" else one for one in told)
    return " ".join(shown.split())[:MOST_WORDS]


class Maildir:
    """A folder with `new`, `cur` and `tmp`, made if it is not there; and `aside`, which is ours."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._aside = folder / "aside"

    def waiting(self, most: int) -> Iterator[Path]:
        """What nobody has dealt with yet. Raises: OSError if the folder cannot be used."""
        for name in ("new", "cur", "tmp", "aside"):
            (self._folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        found = chain((self._folder / "new").iterdir(), (self._folder / "cur").iterdir())
        yield from list(islice(found, most))

    def content(self, path: Path) -> bytes:
        """As much of it as is read; nothing of what is no plain file."""
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(handle, "rb") as file:
                return file.read(LARGEST + 1) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else b""
        except OSError as error:
            log.warning("%s cannot be read: %s", path.name, error.strerror)
            return b""

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def put_aside(self, path: Path) -> None:
        """Cut to what was read; what has lain there too long, or is too much, goes, the oldest first."""
        there = self._aside / path.name
        path.rename(there)
        if there.is_file() and not there.is_symlink() and there.stat().st_size > LARGEST:
            os.truncate(there, LARGEST)
        os.utime(there, follow_symlinks=False)  # since when it lies there
        self._tidy()

    def _tidy(self) -> None:
        oldest = time.time() - ASIDE_SECONDS
        lying = sorted(((one.lstat().st_mtime, one) for one in self._aside.iterdir()), reverse=True)
        for n, (written, path) in enumerate(lying):
            if (n >= MOST_ASIDE or written < oldest) and not path.is_dir():
                path.unlink(missing_ok=True)
