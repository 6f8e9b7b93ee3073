"""Sending the package to the service of another court: announced, fetched by that service piece by piece, receipted.

A press makes a sending; everything after it is a chore that may be killed at any point and goes on from the row. The
package is locked for the other court (`media.locked`) in a file beside the packages, so that no proxy reads it; the
announcement goes first, with the digest of each piece, under one number for ever. The other side fetches when it can,
and what it seals of that is kept (`receipt`) and entered in the journal in the same transaction. Announcing again makes
nothing twice: the same number gets the receipts that were given. What was fetched is no longer kept here.

Kept in mind: the file takes as much room as the package until it is delivered or withdrawn, and the hearing's row is
locked for no longer than a receipt takes.
"""

import base64
import hashlib
import hmac
import json
import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

from pydantic import Field
from sqlmodel import Session, col, select

from hearings import tokens
from hearings.actors import Actor, service
from hearings.acts import Acts, locked
from hearings.errors import AlreadyDone, NotFound, NotNow, NotValid, Refusal, Unreachable, Unverifiable
from hearings.events import CustodyDelivered, CustodyRetrieved, CustodySent, CustodySubmitted
from hearings.events import CustodyWithdrawn as Withdrawn
from hearings.journal import Journal, urn
from hearings.listening import Film, Versions
from hearings.record import may_read
from hearings.said import Said
from hearings.sentences import Sentence, recognised, say
from hearings.servicekey import ServiceKey
from hearings.signatures import fingerprint
from hearings.states import State, Verb
from hearings.tables import Receipt, Received, Sending
from hearings.transfers import LARGEST, PIECE, LockTold, Partner, Sealed, Sealer, bound_name, read, read_told
from hearings.transfers import Receipt as Receipted
from hearings.transfers import sealed as stated
from hearings.tree import stamp
from hearings.web import Answer, Web
from media.locked import Lock, NotOpened
from media.lockedfile import FRAME, LockedFile
from media.storage import Storage

log = logging.getLogger(__name__)

SENT = ".sent"
Row = TypeVar("Row", Sending, Received)

PURPOSE = "sending"
CLAIM = timedelta(minutes=2)
"""Longer than a request takes; renewed while a large package is locked, and with each piece that is fetched."""
RENEWED = 128  # frames
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=15), timedelta(hours=1)
ABANDONED = timedelta(hours=6)
RECEIPTS_AT_ONCE = 3
LONGEST_SENTENCE = 1000

NOT_A_PARTNER = say("{partner} is not among the partners of this service any more.")
NOT_WRITTEN = say("The package could not be locked for sending: the disk is full, or it cannot be read.")
LOST = say("The locked package is no longer on this disk. Withdraw this, and send it anew.")
NOT_UNDERSTOOD = say("{partner} answers what cannot be understood.")
REFUSES = say("{partner} does not take it: {sentence}")
NO_ANSWER = say("{host} does not answer as it should.")
SENTENCES: Sequence[str] = (NOT_A_PARTNER, NOT_WRITTEN, LOST, NOT_UNDERSTOOD, REFUSES, NO_ANSWER)
"""Why a sending does not go on; it comes back from its row as mere text, and is recognised."""


class NewSending(Said):
    """`partner`: by its name."""

    partner: str = Field(min_length=1, max_length=180)
    version: str = Field(default="full", pattern=r"^[a-z]{1,20}$")


def pause(attempts: int) -> timedelta:
    """How long is waited after so many attempts without a new receipt."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * (1 << min(attempts, 16)))


def claimed(journal: Journal, table: type[Row]) -> Row | None:
    """What has been due longest: for this process alone until the claim ends, which whoever works on it renews."""
    now = journal.clock()
    with journal.transaction() as tx:
        due = select(table).where(col(table.due) <= now).order_by(col(table.due)).limit(1)
        row = tx.exec(due.with_for_update(skip_locked=True)).first()
        if row is not None:
            row.attempts += 1
            row.due = now + CLAIM
        return row


def token_of(key: ServiceKey, sending: UUID) -> str:
    """With this the other court fetches what is announced to it, and nothing else. It is kept nowhere."""
    return key.digest(str(sending), PURPOSE).hex()


class Sendings:
    """`work` is called by one process at a time, and `stop` ends it soon."""

    def __init__(
        self,
        acts: Acts,
        seal: Sealer,
        key: ServiceKey,
        *,
        partners: Sequence[Partner],
        web: Web,
        packages: Versions,
        folder: Path,
        versions: Sequence[str] = ("full",),
    ) -> None:
        self._acts = acts
        self._journal = acts.journal
        self._seal = seal
        self._key = key
        self._web = web
        self._made = packages.made
        self._current = packages.stands
        self._called = packages.reference
        self._folder = folder
        self._files = Storage(folder)
        self._stopping = threading.Event()
        self.partners = tuple(partners)
        self.versions = tuple(versions)

    # --- steps

    def send(self, actor: Actor, asked: NewSending) -> UUID:
        """Raises: AlreadyDone if this version is there or on its way; NotValid, NotNow, NotAllowed."""
        with self._acts.act(actor, Verb.SEND) as act:
            if asked.partner not in {one.name for one in self.partners}:
                raise NotValid(say("Choose one of the courts that this service knows."), field="partner")
            if asked.version not in self.versions:
                raise NotValid(say("This version of the record is not made here."), field="version")
            before = act.tx.exec(
                select(Sending.id).where(
                    Sending.hearing_id == act.hearing.id,
                    Sending.partner == asked.partner,
                    Sending.version == asked.version,
                    col(Sending.withdrawn).is_(None),
                    col(Sending.accepted).is_not(False),
                )
            ).first()
            if before is not None:
                raise AlreadyDone(
                    say("This was sent to {partner} before. See below how it stands.", partner=asked.partner)
                )
            row = Sending(
                id=uuid4(),
                hearing_id=act.hearing.id,
                partner=asked.partner,
                version=asked.version,
                by=act.who.handle,
                created=act.now,
                due=act.now,
            )
            act.tx.add(row)
            act.write(
                CustodySent(sending=str(row.id), to=row.partner, version=row.version, by=act.who.handle)
            )
            return row.id

    def again(self, actor: Actor, sending: UUID) -> None:
        """At once, instead of when it is due. Raises: NotFound, NotNow."""
        with self._acts.act(actor, Verb.SEND) as act:
            row = _row(act.tx, act.hearing.id, sending)
            if row.withdrawn is not None:
                raise NotNow(say("This was withdrawn. Send it anew."))
            row.due, row.attempts = act.now, 0

    def withdraw(self, actor: Actor, sending: UUID) -> None:
        """Nobody fetches it any more. Raises: NotFound; NotNow if it has arrived."""
        with self._acts.act(actor, Verb.SEND) as act:
            row = _row(act.tx, act.hearing.id, sending)
            if row.withdrawn is not None:
                raise AlreadyDone(say("This was withdrawn before."))
            if row.delivered is not None:
                raise NotNow(say("{to} has it already; it cannot be withdrawn.", to=row.partner))
            row.withdrawn, row.due, row.said = act.now, None, None
            act.write(Withdrawn(sending=str(row.id), by=act.who.handle))
        self._remove(row)

    def listed(self, actor: Actor) -> list[dict[str, Any]]:
        """How each sending stands, the newest first. Raises: NotFound for whom it is not."""
        may_read(actor)
        with self._journal.reading() as tx:
            rows = tx.exec(
                select(Sending)
                .where(Sending.hearing_id == actor.hearing)
                .order_by(col(Sending.created).desc())
            ).all()
            kept = tx.exec(select(Receipt).where(Receipt.hearing_id == actor.hearing)).all()
        kinds = {row.id: [one.kind for one in kept if one.sending_id == row.id] for row in rows}
        return [_told(row, kinds[row.id]) for row in rows]

    def receipt(self, actor: Actor, sending: UUID, kind: str) -> Sealed:
        """As the other court sealed it. Raises: NotFound."""
        may_read(actor)
        with self._journal.reading() as tx:
            row = tx.get(Receipt, (sending, kind))
            if row is None or row.hearing_id != actor.hearing:
                raise NotFound(say("There is no such receipt."))
            return Sealed(row.document, row.seal)

    # --- what the other court asks

    def content(self, sending: UUID, token: str) -> Film:
        """The locked file. Raises: NotFound for who has not the token of this very sending; NotNow if it is over."""
        with self._journal.reading() as tx:
            row = tx.get(Sending, sending)
        if not hmac.compare_digest(token.encode(), token_of(self._key, sending).encode()) or row is None:
            raise NotFound(say("There is nothing to fetch here."))
        if row.withdrawn is not None or row.delivered is not None or row.document is None:
            raise NotNow(say("This was withdrawn, or has been delivered."))
        try:
            return Film(row.length, self._files.open(_name(row)))
        except OSError as error:
            log.exception("what is to be sent cannot be read")
            raise Unreachable(say("This cannot be read at present.")) from error

    def given(self, sending: UUID, until: int) -> None:
        """The other court has been given the file up to this byte; for whoever watches it."""
        with self._journal.transaction() as tx:
            row = tx.get(Sending, sending)
            if row is not None and until > row.given:
                row.given = until
                tx.info["touched"].add(row.hearing_id)

    def take(self, sending: UUID, told: Sequence[Any]) -> None:
        """Receipts; those that are here already change nothing. Raises: NotFound, Unverifiable."""
        with self._journal.reading() as tx:
            row = tx.get(Sending, sending)
        if row is None or row.document is None:
            raise NotFound(say("There is nothing that this could be a receipt of."))
        for one in told[:RECEIPTS_AT_ONCE]:
            self._take(row, read_told(one))

    def _take(self, row: Sending, sealed: Sealed) -> None:
        receipt, by = read(sealed, Receipted, self.partners, self._journal.clock())
        document = row.document or b""
        meant = (str(row.id), hashlib.sha256(document).hexdigest(), urn(row.hearing_id), row.package)
        if by.partner.name != row.partner:
            raise Unverifiable(say("This receipt is of another court than the one that it was sent to."))
        if (receipt.announcement, receipt.digest, receipt.hearing, receipt.package) != meant:
            raise Unverifiable(say("This receipt is of something else."))
        if receipt.to != json.loads(document)["from"]:
            raise Unverifiable(say("This receipt is for another court."))
        with self._journal.reading() as tx:
            if tx.get(Receipt, (row.id, receipt.kind)) is not None:
                return
        with self._acts.act(service(row.hearing_id), Verb.TAKE_RECEIPT) as act:
            fresh = act.tx.get(Sending, row.id)
            if fresh is None or act.tx.get(Receipt, (row.id, receipt.kind)) is not None:
                return
            act.tx.add(
                Receipt(
                    sending_id=row.id,
                    hearing_id=row.hearing_id,
                    kind=receipt.kind,
                    document=sealed.document,
                    seal=sealed.seal,
                    came=act.now,
                )
            )
            digest = hashlib.sha256(sealed.document).hexdigest()
            about = {"sending": str(row.id), "to": row.partner, "receipt": digest}
            match receipt.kind:
                case "submission":
                    fresh.submitted = act.now
                    act.write(CustodySubmitted(package=row.package, **about))
                case "delivery":
                    fresh.delivered, fresh.due, fresh.said = act.now, None, None
                    fresh.accepted, fresh.verdict = bool(receipt.accepted), _shown(receipt.verdict or "")
                    act.write(CustodyDelivered(accepted=fresh.accepted, verdict=fresh.verdict, **about))
                case _:
                    fresh.retrieved = act.now
                    act.write(CustodyRetrieved(**about))
        if receipt.kind == "delivery":
            self._remove(row)

    # --- the chore

    def work(self) -> None:
        """Whatever is due: prepared, announced, asked after."""
        while not self._stopping.is_set() and (row := claimed(self._journal, Sending)) is not None:
            try:
                self._attend(row)
            except Refusal as refusal:
                self._wait(row, refusal.sentence)
            except (OSError, NotOpened):
                log.exception("a package could not be locked for sending")
                self._wait(row, NOT_WRITTEN)

    def stop(self) -> None:
        """No further attempt is begun, and one that reads or writes a file ends soon."""
        self._stopping.set()

    def sweep(self) -> None:
        """Files that belong to no sending: of a process that was killed, or of a hearing that was destroyed."""
        with self._journal.reading() as tx:
            names = {_name(row) for row in tx.exec(select(Sending)) if _stands(row)}
        oldest = (self._journal.clock() - ABANDONED).timestamp()
        for path in self._folder.glob(f"*{SENT}*"):
            with suppress(OSError):
                if path.name not in names and path.stat().st_mtime < oldest:
                    path.unlink()

    def _attend(self, row: Sending) -> None:
        partner = next((one for one in self.partners if one.name == row.partner), None)
        if partner is None:
            raise Unreachable(say(NOT_A_PARTNER, partner=row.partner))
        announced = row if row.document is not None else self._prepared(row, partner)
        if announced is None or announced.document is None:
            if announced is not None or self._stopping.is_set():
                self._wait(row, None)
            return
        if announced.delivered is None and self._files.size(_name(announced)) != announced.length:
            raise Unreachable(say(LOST))
        statement = Sealed(announced.document, announced.seal or b"")
        told = {**statement.told(), "token": token_of(self._key, row.id)}
        answer = self._web.post(
            f"{partner.address}/transfers",
            json.dumps(told).encode(),
            kind="application/json",
            most=LARGEST,
        )
        self.take(row.id, _receipts(partner, answer))
        self._wait(row, None)

    def _prepared(self, row: Sending, partner: Partner) -> Sending | None:
        """The package locked for the other court, and the announcement of it; None if it is not to be sent any more."""
        answer = self._web.get(f"{partner.address}/transfers/lock")
        told, by = read(read_told(_json(partner, answer)), LockTold, (partner,), self._journal.clock())
        lock = _lock(told)
        file = tokens.handle()
        name = bound_name(row.hearing_id, row.id, file)
        self._files.prepare()
        film = self._made(row.hearing_id, row.version, patience=None)
        with closing(film.stream) as clear, LockedFile(self._files, name, lock) as locking:
            for n in count(1):
                if not (data := clear.read(FRAME)):
                    break
                if self._stopping.is_set() or (n % RENEWED == 0 and not self._renewed(row)):
                    return None
                locking.put(data)
            package, size = locking.finish()
        length, pieces = self._measured(name)
        reference = self._called(row.hearing_id, row.version)
        statement = stated(
            self._seal,
            "announcement",
            self._journal.clock(),
            id=str(row.id),
            hearing=urn(row.hearing_id),
            reference=reference[:100],
            version=row.version,
            size=size,
            sha256=package,
            file=file,
            length=length,
            pieces=pieces,
            to=fingerprint(by.signer),
        )
        with self._journal.transaction() as tx:
            hearing = locked(tx, row.hearing_id)
            fresh = tx.get(Sending, row.id) if hearing.state is State.CLOSED else None
            current = self._current(tx, row.hearing_id, row.version, film)
            if current and fresh is not None and fresh.document is None and fresh.withdrawn is None:
                fresh.file, fresh.package, fresh.size, fresh.length = file, package, size, length
                fresh.document, fresh.seal = statement
                return fresh
        # Withdrawn, destroyed or ordered otherwise meanwhile, or another process was quicker.
        self._files.remove(name)
        return fresh if fresh is not None and fresh.withdrawn is None else None

    def _renewed(self, row: Sending) -> bool:
        """The claim on a sending that is still to be sent."""
        with self._journal.transaction() as tx:
            fresh = tx.get(Sending, row.id)
            if fresh is None or fresh.withdrawn is not None:
                return False
            fresh.due = self._journal.clock() + CLAIM
            return True

    def _measured(self, name: str) -> tuple[int, list[str]]:
        """Bytes of the locked file, and the digest of each of its pieces."""
        pieces: list[str] = []
        length = 0
        with self._files.open(name) as file:
            while piece := file.read(PIECE):
                pieces.append(hashlib.sha256(piece).hexdigest())
                length += len(piece)
        return length, pieces

    def _wait(self, row: Sending, said: str | None) -> None:
        """Until the next attempt; a sending that has arrived or was withdrawn needs none."""
        with self._journal.transaction() as tx:
            fresh = tx.get(Sending, row.id)
            if fresh is None or fresh.withdrawn is not None:
                return
            if fresh.delivered is not None:
                fresh.due = None
                return
            if fresh.said != said:
                tx.info["touched"].add(fresh.hearing_id)
            if fresh.submitted is not None and row.submitted is None:
                fresh.attempts = 1  # that it is on its way is news
            fresh.said = said
            fresh.due = self._journal.clock() + pause(fresh.attempts)

    def _remove(self, row: Sending) -> None:
        if row.file:
            with suppress(OSError):
                self._files.remove(_name(row))


def _row(tx: Session, hearing: UUID, sending: UUID) -> Sending:
    row = tx.get(Sending, sending)
    if row is None or row.hearing_id != hearing:
        raise NotFound(say("There is no such sending in this hearing."))
    return row


def _name(row: Sending) -> str:
    return bound_name(row.hearing_id, row.id, row.file)


def _stands(row: Sending) -> bool:
    return row.withdrawn is None and row.delivered is None and row.document is not None


def _json(partner: Partner, answer: Answer) -> Any:
    """Raises: Unreachable if it is a refusal, or no JSON."""
    try:
        told = json.loads(answer.data)
    except (ValueError, RecursionError) as error:
        raise Unreachable(say(NOT_UNDERSTOOD, partner=partner.name)) from error
    if answer.status not in {200, 201}:
        problem = told.get("problem") if isinstance(told, dict) else None
        sentence = problem.get("sentence") if isinstance(problem, dict) else None
        if not isinstance(sentence, str):
            raise Unreachable(say(NOT_UNDERSTOOD, partner=partner.name))
        raise Unreachable(say(REFUSES, partner=partner.name, sentence=_shown(sentence)[:300]))
    return told


def _shown(text: str) -> str:
    """Words of another service, as they may stand in our journal and on our pages."""
    return "".join(letter for letter in text[:LONGEST_SENTENCE] if letter.isprintable())


def _receipts(partner: Partner, answer: Answer) -> list[Any]:
    told = _json(partner, answer)
    receipts = told.get("receipts") if isinstance(told, dict) else None
    if not isinstance(receipts, list) or not receipts:
        raise Unreachable(say(NOT_UNDERSTOOD, partner=partner.name))
    return receipts


def _lock(told: LockTold) -> Lock:
    try:
        return Lock(base64.b64decode(told.public, validate=True))
    except ValueError as error:
        raise Unverifiable(say("The other court's lock is none.")) from error


def _told(row: Sending, receipts: Iterable[str]) -> dict[str, Any]:
    return {
        "sending": str(row.id),
        "to": row.partner,
        "version": row.version,
        "created": stamp(row.created),
        "state": str(_state(row)),
        "percent": row.given * 100 // row.length if row.length else 0,
        "size": row.size,
        "package": row.package,
        "submitted": _at(row.submitted),
        "delivered": _at(row.delivered),
        "accepted": row.accepted,
        "verdict": row.verdict,
        "retrieved": _at(row.retrieved),
        "withdrawn": _at(row.withdrawn),
        "due": _at(row.due) if row.said else None,
        "said": recognised(row.said, SENTENCES) if row.said else None,
        "receipts": list(receipts),
    }


def _at(moment: datetime | None) -> str | None:
    return stamp(moment) if moment is not None else None


def _state(row: Sending) -> str:
    """`refused`: it arrived whole and did not verify there."""
    for state, so in (
        ("withdrawn", row.withdrawn is not None),
        ("refused", row.accepted is False),
        ("opened", row.retrieved is not None),
        ("delivered", row.delivered is not None),
        ("fetched", row.given > 0),
        ("submitted", row.submitted is not None),
        ("announced", row.document is not None),
    ):
        if so:
            return state
    return "preparing"


STATES: Mapping[str, tuple[Sentence, str]] = {
    "preparing": (say("being prepared"), "now"),
    "announced": (say("not answered yet"), "needs"),
    "submitted": (say("submitted, not fetched yet"), "now"),
    "fetched": (say("being fetched"), "now"),
    "delivered": (say("delivered and verified"), "met"),
    "opened": (say("delivered, verified and opened"), "met"),
    "refused": (say("delivered, and refused there"), "needs"),
    "withdrawn": (say("withdrawn"), "never"),
}
"""How a sending stands, in a word, and with which tone."""
