"""Letters: queued in the transaction that makes them due, sent afterwards, tried again, shown, and sent once more.

The rules:

- A letter is due from the commit that made it so, and from then on it is sent, or told as failed. One that was sent
  but not marked so is sent again under the same Message-ID: late is worse than twice.
- After the n-th attempt it waits 30 · 2ⁿ seconds, four hours at most; after the last of `ATTEMPTS` (some seventeen
  hours) it has failed. One that cannot be composed fails at once. Nothing is given up in silence.
- A server that cannot be used at all ends the round for every letter and counts against none; it is tried again after
  10 s, 20 s … five minutes. Who broke off over one letter has had that letter, and the others come before it.
- A letter may hold a personal address, so its content lies in the database only under the service key, and is erased
  as soon as it is sent. What may be looked at later is kept without that, until the hearing is destroyed.
- A letter came back if a delivery status notification names its Message-ID, which holds 122 random bits and is told to
  nobody but the reader and the servers on the way, within `RETURNS` of the sending. Nothing else marks a letter.

Sources: RFC 5321 4.5.4.1 (trying again), RFC 3464 (notifications).
"""

import json
import logging
import re
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlmodel import Session, col, func, or_, select, update

from hearings.errors import AlreadyDone, NotNow, Unverifiable
from hearings.journal import Clock
from hearings.sentences import say
from hearings.servicekey import ServiceKey
from hearings.tables import Outbox
from scheduling import returned
from scheduling.mail import (
    Letter,
    MailDeferred,
    MailRefused,
    MailUnreachable,
    Method,
    Postman,
    compose,
)

log = logging.getLogger(__name__)

Transaction = Callable[[], AbstractContextManager[Session]]

ATTEMPTS = 12
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=4)
FIRST_REST, LONGEST_REST = timedelta(seconds=10), timedelta(minutes=5)
CLAIM = timedelta(minutes=3)  # longer than a letter takes
ROUND_SECONDS = 20.0
RETURNS = timedelta(days=30)
MOST_RETURNED = 100  # in one round

NOT_FINISHED = say("Sending this letter was begun {n} times and never came to an end.", n=ATTEMPTS)
NOT_READABLE = say("This letter lies under another key than the one that the service has now.")
SENTENCES = (NOT_FINISHED.template, NOT_READABLE)
"""Why a letter failed, besides what the post office says (`scheduling.mail.SENTENCES`)."""

_ID = re.compile(r"<([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@vivavoce\.invalid>")


@dataclass(frozen=True)
class Entry:
    """A calendar entry that goes along, with the method that stands inside it."""

    calendar: bytes
    method: Method


@dataclass(frozen=True)
class Content:
    """What a letter says. `parts`: its text, cut where something that is its reader's alone was left out."""

    parts: tuple[str, ...]
    entry: Entry | None
    lasts: bool = False

    @property
    def whole(self) -> bool:
        return len(self.parts) == 1


def message_id(row: UUID) -> str:
    """Of the letter of this row, however often it is sent."""
    return f"<{row}@vivavoce.invalid>"


def pause(attempts: int) -> timedelta:
    """How long a letter waits after so many attempts."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * (1 << attempts))


def rest(failures: int) -> timedelta:
    """How long no letter is tried after the server could not be used so many times in a row."""
    return min(LONGEST_REST, FIRST_REST * (1 << min(failures - 1, 16)))


def troubles(tx: Session, hearings: Collection[UUID]) -> Mapping[UUID, int]:
    """How many letters of each of these hearings failed or came back, and were not sent again."""
    found = tx.exec(
        select(Outbox.hearing_id, func.count())
        .where(col(Outbox.hearing_id).in_(hearings), col(Outbox.again).is_(None), _went_wrong())
        .group_by(col(Outbox.hearing_id))
    )
    counted = {hearing: n for hearing, n in found if hearing is not None}
    return {hearing: counted.get(hearing, 0) for hearing in hearings}


class Post:
    """Letters of the whole service. `deliver` and `take_back` are called by one process at a time."""

    def __init__(self, key: ServiceKey, clock: Clock, *, sender: str) -> None:
        self._key = key
        self._clock = clock
        self._sender = sender
        self._failures = 0
        self._rests_until: datetime | None = None

    @property
    def sender(self) -> str:
        return self._sender

    def queue(  # noqa: PLR0913 - the parts of a letter, each by its name
        self,
        tx: Session,
        hearing: UUID | None,
        *,
        to: str,
        subject: str,
        text: str,
        kind: str = "",
        about: str = "",
        language: str = "en",
        entry: Entry | None = None,
        secrets: Collection[str] = (),
        lasts: bool = False,
    ) -> UUID:
        """The letter becomes due with this transaction. `about`: the handle of whom it goes to, or the side of an office;
        `secrets`: parts of the text that are never shown to anybody but its reader; `lasts`: it is kept whole, so that it
        can be sent again, since nothing in it admits anybody.

        Raises: ValueError if a secret stands in the subject or the calendar entry.
        """
        _refuse_leak(secrets, subject, entry)
        row = Outbox(
            id=uuid4(),
            hearing_id=hearing,
            recipient=to,
            subject=subject,
            kind=kind,
            about=about,
            language=language,
            created=self._clock(),
            due=self._clock(),
        )
        row.sealed = self._wrap("letter", row.id, Content((text,), entry, lasts))
        row.shown = self._wrap("shown", row.id, Content(_without(text, secrets), entry))
        tx.add(row)
        return row.id

    def shown(self, row: Outbox) -> Content | None:
        """What may be looked at, for whoever may look; None of a letter of which nothing is kept. Raises: Unverifiable."""
        return self._content("shown", row.id, row.shown) if row.shown else None

    def keeps(self, row: Outbox) -> bool:
        """Whether the letter is still known as it was sent."""
        return self._whole(row) is not None

    def again(self, tx: Session, row: Outbox) -> UUID:
        """The same letter once more, as a new one, which is due with this transaction.

        Raises: AlreadyDone; NotNow while it is on its way, or if it held a personal address that is not kept.
        """
        if row.again is not None:
            raise AlreadyDone(say("This letter was sent again before."))
        if row.failed is None and row.returned is None:
            raise NotNow(say("This letter is on its way, or has arrived for all that is known."))
        content = self._whole(row)
        if content is None:
            raise NotNow(say("The personal link in this letter is not kept. Make a new one."))
        fresh = Outbox.model_validate(
            row.model_dump(include={"hearing_id", "recipient", "subject", "kind", "about", "language"})
            | {"id": uuid4(), "created": self._clock(), "due": self._clock()}
        )
        fresh.sealed = self._wrap("letter", fresh.id, content)
        kept = self.shown(row)
        fresh.shown = self._wrap("shown", fresh.id, kept) if kept else None
        tx.add(fresh)
        row.again, row.sealed = fresh.id, None
        tx.add(row)
        return fresh.id

    def supersede(self, tx: Session, letter: UUID, *, hearing: UUID, kind: str, about: str) -> None:
        """Those of this kind to the same person that did not arrive are settled by this letter, and no longer sent."""
        tx.flush()
        same = (col(Outbox.hearing_id) == hearing, col(Outbox.kind) == kind, col(Outbox.about) == about)
        open_ = or_(col(Outbox.sent).is_(None), col(Outbox.returned).is_not(None))
        older = (col(Outbox.id) != letter, col(Outbox.again).is_(None), open_)
        tx.exec(update(Outbox).where(*same, *older).values(again=letter, sealed=None))

    # --- sending

    def deliver(self, transaction: Transaction, postman: Postman) -> int:
        """Sends what is due, for some seconds at most; gives how many went out."""
        if self._rests_until is not None and self._clock() < self._rests_until:
            return 0
        sent, until = 0, time.monotonic() + ROUND_SECONDS
        try:
            while time.monotonic() < until and (row := self._claim(transaction)) is not None:
                sent += self._send(transaction, row, postman)
                self._failures = 0
        except MailUnreachable as error:
            self._failures += 1
            self._rests_until = self._clock() + rest(self._failures)
            log.warning("no letters go out until %s: %s", self._rests_until.isoformat(), error)
        finally:
            postman.part()
        return sent

    def _claim(self, transaction: Transaction) -> Outbox | None:
        """The oldest due letter, so that nobody else sends it in the next minutes."""
        now = self._clock()
        with transaction() as tx:
            row = tx.exec(
                select(Outbox)
                .where(*_waiting(), Outbox.due <= now)
                .order_by(col(Outbox.due), col(Outbox.created))
                .limit(1)
                .with_for_update(skip_locked=True)
            ).first()
            if row is not None:
                row.attempts += 1
                row.due = now + CLAIM
            return row

    def _send(self, transaction: Transaction, row: Outbox, postman: Postman) -> int:
        """1 if it went out. Raises: MailUnreachable, once it is written down what became of the letter."""
        if row.attempts > ATTEMPTS:
            self._mark(transaction, row, failed=str(NOT_FINISHED))
            return 0
        try:
            message, lasts = self._composed(row)
            postman.deliver(message)
        except MailRefused as error:
            self._mark(transaction, row, failed=str(error))
            return 0
        except MailUnreachable as error:
            self._wait(transaction, row, error, counts=error.begun)
            raise
        except MailDeferred as error:
            self._wait(transaction, row, error, counts=True)
            return 0
        self._mark(transaction, row, sent=self._clock(), sealed=row.sealed if lasts else None, said=None)
        return 1

    def _composed(self, row: Outbox) -> tuple[EmailMessage, bool]:
        """With whether it is kept once it is sent. Raises: MailRefused."""
        try:
            content = self._content("letter", row.id, row.sealed or b"")
        except Unverifiable as error:
            raise MailRefused(str(NOT_READABLE)) from error
        letter = Letter(
            to=row.recipient,
            subject=row.subject,
            text=content.parts[0],
            message_id=message_id(row.id),
            calendar=content.entry.calendar if content.entry else None,
            method=content.entry.method if content.entry else None,
        )
        return compose(letter, sender=self._sender, date=self._clock()), content.lasts

    def _wait(self, transaction: Transaction, row: Outbox, error: MailDeferred, *, counts: bool) -> None:
        """Until the next attempt; where all stand still, all say why."""
        now = self._clock()
        if counts and row.attempts >= ATTEMPTS:
            self._mark(transaction, row, failed=str(error), said=str(error))
        elif counts:
            self._mark(transaction, row, due=now + pause(row.attempts), said=str(error))
        else:
            self._mark(transaction, row, due=now, attempts=row.attempts - 1, said=str(error))
        if isinstance(error, MailUnreachable):
            with transaction() as tx:
                tx.exec(update(Outbox).where(*_waiting(), col(Outbox.due) <= now).values(said=str(error)))

    def _mark(self, transaction: Transaction, row: Outbox, **values: Any) -> None:
        """What became of it; nothing if the hearing was destroyed meanwhile. Who looks at the hearing is told of a failure."""
        with transaction() as tx:
            tx.exec(update(Outbox).where(col(Outbox.id) == row.id, *_waiting()).values(**values))
            if "failed" in values:
                _touch(tx, row)

    # --- what comes back

    def take_back(self, transaction: Transaction, maildir: returned.Maildir) -> int:
        """Marks the letters that came back; gives how many. What is about a letter of ours is removed, for it may quote all
        of it; what cannot be read, or is about none, is put aside.
        """
        try:
            found = list(maildir.waiting(MOST_RETURNED))
        except OSError as error:
            log.warning("letters that come back cannot be seen: %s", error)
            return 0
        return sum(self._take(transaction, maildir, path) for path in found)

    def _take(self, transaction: Transaction, maildir: returned.Maildir, path: Path) -> bool:
        """Whether a letter came back with it. What cannot be moved is left for the next round."""
        told = returned.read(maildir.content(path))
        known = told is not None and self._known(transaction, told)
        try:
            if known:
                maildir.remove(path)
            else:
                log.warning("%s tells of no letter of ours and is put aside", path.name)
                maildir.put_aside(path)
        except OSError as error:
            log.warning("%s cannot be moved: %s", path.name, error.strerror)
        return told is not None and known and told.failed

    def _known(self, transaction: Transaction, told: returned.Returned) -> bool:
        """Whether it is about a letter of ours; one that came back is marked."""
        found = _ID.fullmatch(told.letter)
        if found is None:
            return False
        now = self._clock()
        with transaction() as tx:
            row = tx.get(Outbox, UUID(found[1]))
            if row is None or row.sent is None or row.sent < now - RETURNS:
                return False
            if told.failed and row.returned is None:
                row.returned, row.said = now, told.words
                _touch(tx, row)
            return True

    # --- under the service key

    def _wrap(self, what: str, row: UUID, content: Content) -> bytes:
        told = {
            "parts": content.parts,
            "lasts": content.lasts,
            "calendar": content.entry.calendar.decode() if content.entry else None,
            "method": content.entry.method if content.entry else None,
        }
        return self._key.wrap(json.dumps(told).encode(), f"{what} {row}")

    def _content(self, what: str, row: UUID, sealed: bytes) -> Content:
        """Raises: Unverifiable."""
        told = json.loads(self._key.unwrap(sealed, f"{what} {row}"))
        if isinstance(told, str):  # queued before there were entries
            return Content((told,), None)
        entry = Entry(told["calendar"].encode(), told["method"]) if told["calendar"] is not None else None
        return Content(tuple(told["parts"]), entry, told.get("lasts", False))

    def _whole(self, row: Outbox) -> Content | None:
        """As it was sent, if that is still known."""
        try:
            if row.sealed is not None:
                return self._content("letter", row.id, row.sealed)
            kept = self.shown(row)
        except Unverifiable:
            return None
        return kept if kept is not None and kept.whole else None


def _touch(tx: Session, row: Outbox) -> None:
    if row.hearing_id is not None:
        tx.info.setdefault("touched", set()).add(row.hearing_id)


def _waiting() -> tuple[Any, ...]:
    return (col(Outbox.sent).is_(None), col(Outbox.failed).is_(None), col(Outbox.again).is_(None))


def _went_wrong() -> Any:
    return or_(col(Outbox.failed).is_not(None), col(Outbox.returned).is_not(None))


def _without(text: str, secrets: Collection[str]) -> tuple[str, ...]:
    parts = [text]
    for secret in secrets:
        parts = [piece for part in parts for piece in part.split(secret)]
    return tuple(parts)


def _refuse_leak(secrets: Collection[str], subject: str, entry: Entry | None) -> None:
    calendar = entry.calendar.replace(b"\r\n ", b"") if entry else b""  # unfolded: RFC 5545 3.1
    for part in filter(None, (one for secret in secrets for one in (secret, secret.rpartition("/")[2]))):
        if part in subject or part.encode() in calendar:
            raise ValueError("a secret stands where others read it")
