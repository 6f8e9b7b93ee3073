"""Letters: queued in the transaction that makes them due, sent afterwards, tried again, never twice at once.

A letter may hold a personal link, so its content lies in the database only under the service key, and is
erased as soon as it is sent. A letter that was sent but not marked so is sent again: late is worse than twice.
"""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

from sqlmodel import Session, col, select

from hearings.journal import Clock
from hearings.servicekey import ServiceKey
from hearings.tables import Outbox
from scheduling.mail import Letter, MailDeferred, MailRefused, Method, Postman, compose

ATTEMPTS = 8


class Entry(NamedTuple):
    """A calendar file that goes along, and what it does."""

    calendar: bytes
    method: Method


_PURPOSE = "letter"


def message_id(row: UUID) -> str:
    """Of the letter of this row, however often it is sent."""
    return f"<{row}@vivavoce.invalid>"


class Post:
    def __init__(self, key: ServiceKey, clock: Clock, *, sender: str) -> None:
        self._key = key
        self._clock = clock
        self._sender = sender

    def queue(  # noqa: PLR0913 - a letter has that many parts
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
        secret: str = "",
    ) -> None:
        """The letter becomes due with this transaction."""
        row = uuid4()
        content = {
            "text": text,
            "calendar": entry and entry.calendar.decode(),
            "method": entry and entry.method,
        }
        sealed = self._key.wrap(json.dumps(content).encode(), f"{_PURPOSE} {row}")
        now = self._clock()
        tx.add(
            Outbox(
                id=row, hearing_id=hearing, recipient=to, subject=subject, sealed=sealed, created=now, due=now
            )
        )

    def deliver(self, transaction: Callable[[], AbstractContextManager[Session]], postman: Postman) -> int:
        """Sends what is due; gives how many went out."""
        sent = 0
        while (row := self._next(transaction)) is not None:
            sent += self._send(transaction, row, postman)
        return sent

    def _next(self, transaction: Callable[[], AbstractContextManager[Session]]) -> Outbox | None:
        """Claims the oldest due letter, so that nobody else sends it in the next minutes."""
        now = self._clock()
        with transaction() as tx:
            row = tx.exec(
                select(Outbox)
                .where(col(Outbox.sent).is_(None), col(Outbox.failed).is_(None), Outbox.due <= now)
                .order_by(col(Outbox.due))
                .limit(1)
                .with_for_update(skip_locked=True)
            ).first()
            if row is not None:
                row.attempts += 1
                row.due = now + timedelta(seconds=30 * 2**row.attempts)
            return row

    def _send(
        self, transaction: Callable[[], AbstractContextManager[Session]], row: Outbox, postman: Postman
    ) -> int:
        failed: str | None = None
        sent = False
        try:
            content = json.loads(self._key.unwrap(row.sealed or b"", f"{_PURPOSE} {row.id}"))
            letter = Letter(
                to=row.recipient,
                subject=row.subject,
                text=content["text"],
                message_id=message_id(row.id),
                calendar=content["calendar"] and content["calendar"].encode(),
                method=content["method"],
            )
            postman.deliver(compose(letter, sender=self._sender, date=self._clock()))
            sent = True
        except MailRefused as error:
            failed = str(error)
        except MailDeferred as error:
            failed = str(error) if row.attempts >= ATTEMPTS else None
        with transaction() as tx:
            row.failed = failed
            if sent or failed:
                row.sealed = None
            if sent:
                row.sent = self._clock()
            tx.merge(row)
        return int(sent)
