"""Receiving records of other services: what a partner announces is fetched; what somebody brings is taken in; both are
verified, then kept as received, byte for byte.

A partner's announcement is believed for its seal alone (`transfers`). It is answered with a receipt, and everything
after that is a chore that may be killed at any point: the locked file is fetched in pieces, from the first that is missing on, and
each is checked against the announcement before it is written, in its place, to disk. Two that fetch the same write the same. When it is
whole it is opened, compared with the digest that was announced and verified; what does not verify is not kept, and both
sides are told why. Receipts are given once, and told until the other side has them.

What is kept lies locked, here as everywhere; its name on disk is a number of ours, never a word of somebody else's.
Another package of the same hearing stands beside the first; the same package again is the one that is there. Nothing is ever
replaced, and deleting is not in here.
"""

import base64
import hashlib
import json
import logging
import os
import shutil
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Self
from uuid import UUID, uuid4

from sqlmodel import Session, col, func, or_, select

from hearings import package, verify
from hearings.accounts import Staff
from hearings.container import check_layout, entries_of
from hearings.database import in_turn
from hearings.errors import AlreadyDone, NotFound, NotNow, Refusal, TooMany, Unreachable, Unverifiable
from hearings.journal import Journal, urn
from hearings.listening import Film
from hearings.sending import CLAIM, NO_ANSWER, NOT_A_PARTNER, NOT_UNDERSTOOD, claimed, pause
from hearings.sentences import Sentence, recognised, say
from hearings.servicekey import ServiceKey
from hearings.signatures import fingerprint
from hearings.tables import Account, Authority, GivenReceipt, Received, TransferKey
from hearings.transfers import (
    PIECE,
    Announcement,
    Partner,
    Read,
    Sealed,
    Sealer,
    check_pieces,
    in_order,
    piece_length,
    read,
    read_told,
)
from hearings.transfers import sealed as stated
from hearings.tree import stamp
from hearings.verify import Verdict
from hearings.web import Coming, Web
from media.locked import Lock, NotOpened, Unwrap, new_pair, opened, unwrapping
from media.lockedfile import LockedFile
from media.reserve import FULL
from media.storage import Storage

log = logging.getLogger(__name__)

KEPT, PART = ".asice", ".part"
PURPOSE, TOKEN = "transfer", "transfer token"
READERS = frozenset({"clerk", "coordinator"})
"""Of the roles of staff."""
RESERVE = 1024**3
"""Bytes of the disk that are left to what is live here."""
ROUND_SECONDS = 60.0  # for one record, before the others come
MOST_WAITING = 200  # announcements of one partner
PATIENCE = timedelta(days=30)
ABANDONED = timedelta(hours=6)
LONGEST_SENTENCE = 1000

DISK_FULL = say("The disk has no room for it. It goes on by itself when there is room again.")
ALTERED = say("A piece of it arrived altered. It is fetched again.")
CUT = say("The connection ended in the middle. It goes on from there.")
NEVER_CAME = say("It could not be fetched within thirty days.")
BACK = say("{partner} withdrew it.")
NOT_GIVEN = say("{partner} has it no longer, or does not give it.")
NOT_THE_ONE = say("What arrived is not the package that was announced.")
OTHER_HEARING = say("The package is of another hearing than was announced.")
GONE = say("The file is no longer on this disk.")
SENTENCES: Sequence[str] = (
    *(DISK_FULL, ALTERED, CUT, NEVER_CAME, BACK, NOT_GIVEN, NOT_THE_ONE, OTHER_HEARING, GONE),
    *(NOT_A_PARTNER, NOT_UNDERSTOOD, NO_ANSWER),
)


class _Found(NamedTuple):
    """What opening and verifying came to. `damaged`: it cannot be read as it was written."""

    verdict: Verdict
    hearing: str
    damaged: bool = False


class _Over(Exception):
    """It will never come."""


class Brought:
    """A package that somebody brings, as it comes: `put` its bytes, then `finish`. In `with`."""

    def __init__(self, files: Storage, name: str, lock: Lock) -> None:
        self._file = LockedFile(files, name, lock)

    def __enter__(self) -> Self:
        self._file.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._file.__exit__(*error)

    def put(self, data: bytes) -> None:
        """Raises: Unreachable if there is no room."""
        try:
            self._file.put(data)
        except OSError as refusal:
            raise Unreachable(
                say("The package cannot be kept: the disk is full, or cannot be written.")
            ) from refusal

    def finish(self) -> tuple[str, int]:
        try:
            return self._file.finish()
        except OSError as refusal:
            raise Unreachable(
                say("The package cannot be kept: the disk is full, or cannot be written.")
            ) from refusal


class Receivings:
    """`work` is called by one process at a time, and `stop` ends it soon. `court`: whose seal this is; what partners send is for
    the authority of that name, if there is one, else for every clerk and coordinator of this service.
    """

    def __init__(
        self,
        journal: Journal,
        seal: Sealer,
        key: ServiceKey,
        *,
        partners: Sequence[Partner],
        web: Web,
        folder: Path,
        court: str,
    ) -> None:
        self._journal = journal
        self._seal = seal
        self._key = key
        self._web = web
        self._folder = folder
        self._files = Storage(folder)
        self._court = court
        self._stopping = threading.Event()
        self.partners = tuple(partners)

    @property
    def own(self) -> str:
        """The SHA-256 of our seal's certificate, for the settings of others."""
        return fingerprint(self._seal.certificate)

    # --- what a partner's service asks

    def lock(self) -> Sealed:
        """For what is sent to us. Raises: NotFound where nobody may send anything."""
        self._refuse_alone()
        public = base64.b64encode(self._pair().public).decode()
        return stated(self._seal, "lock", self._journal.clock(), public=public)

    def announce(self, told: Any) -> list[Sealed]:
        """Takes note of what is coming; gives every receipt of it so far.

        Raises: Unverifiable, AlreadyDone for another announcement under the same number, TooMany.
        """
        token = told.pop("token", None) if isinstance(told, dict) else None
        statement = read_told(told)
        now = self._journal.clock()
        announced, by = read(statement, Announcement, self.partners, now)
        if announced.to != self.own:
            raise Unverifiable(say("This announcement is for another court."))
        check_pieces(announced)
        if not isinstance(token, str) or not 16 <= len(token) <= 200 or not token.isascii():
            raise Unverifiable(say("This is no sealed statement."))
        with self._journal.transaction() as tx:
            in_turn(tx, "transfers")
            row = tx.get(Received, UUID(announced.id))
            if row is None:
                self._note(tx, announced, by, statement, token, now)
            elif row.partner != by.partner.name or row.document != statement.document:
                raise AlreadyDone(say("Something else was announced under this number."))
            return list(in_order(_given(tx, UUID(announced.id))))

    def _note(
        self,
        tx: Session,
        announced: Announcement,
        by: Read,
        statement: Sealed,
        token: str,
        now: datetime,
    ) -> None:
        waiting = select(func.count()).where(
            Received.partner == by.partner.name, col(Received.whole).is_(None), col(Received.ended).is_(None)
        )
        if tx.exec(waiting).one() >= MOST_WAITING:
            raise TooMany(say("Very much is on its way from this court already."), seconds=3600)
        court = tx.exec(select(Authority.id).where(Authority.name == self._court)).first()
        row = Received(
            id=UUID(announced.id),
            authority_id=court,
            partner=by.partner.name,
            hearing=announced.hearing,
            reference=_printable(announced.reference),
            version=announced.version,
            created=now,
            document=statement.document,
            seal=statement.seal,
            token=self._key.wrap(token.encode(), TOKEN),
            sha256=announced.sha256,
            size=announced.size,
            bound=announced.name,
            length=announced.length,
            trust=package.trust_in(by.signer),
            due=now,
        )
        tx.add(row)
        tx.flush()
        self._give(tx, row, "submission", now)
        before = _kept(tx, announced.sha256, court)
        if before is not None:  # nothing needs to travel twice
            row.same, row.whole, row.verified = before.id, now, before.verified
            row.accepted, row.verdict, row.checks, row.kept = True, before.verdict, before.checks, now
            self._give(tx, row, "delivery", now, accepted=True, verdict=before.verdict)

    def _give(
        self,
        tx: Session,
        row: Received,
        kind: str,
        now: datetime,
        *,
        accepted: bool | None = None,
        verdict: str | None = None,
    ) -> None:
        """A receipt, once."""
        if row.document is None or tx.get(GivenReceipt, (row.id, kind)) is not None:
            return
        receipt = stated(
            self._seal,
            kind,
            now,
            announcement=str(row.id),
            digest=hashlib.sha256(row.document).hexdigest(),
            hearing=row.hearing,
            package=row.sha256,
            to=json.loads(row.document)["from"],
            accepted=accepted,
            verdict=verdict,
        )
        tx.add(
            GivenReceipt(
                received_id=row.id, kind=kind, document=receipt.document, seal=receipt.seal, given=now
            )
        )
        row.due, row.attempts = now, 0

    def _refuse_alone(self) -> None:
        if not self.partners:
            raise NotFound(say("There is nothing here."))

    # --- what somebody brings

    def bring(self, length: int) -> tuple[UUID, Brought]:
        """For a package that is brought, of about so many bytes. Raises: Unreachable without room."""
        number = uuid4()
        try:
            self._files.prepare()
            if shutil.disk_usage(self._folder).free < length + RESERVE:
                raise Unreachable(say("The disk has no room for a package of this size."))
            lock = Lock(self._pair().public)
        except OSError as error:
            raise Unreachable(
                say("The package cannot be kept: the disk is full, or cannot be written.")
            ) from error
        return number, Brought(self._files, _name(number), lock)

    def take_in(
        self, staff: Staff, number: UUID, *, name: str, brought: tuple[str, int], trust: bytes | None
    ) -> Received:
        """Verifies what was brought, and keeps it if it verifies: `accepted` says whether. `brought`: its SHA-256 and size.

        Raises: AlreadyDone if it is here already.
        """
        sha256, size = brought
        now = self._journal.clock()
        row = Received(
            id=number,
            authority_id=staff.authority,
            account_id=staff.account,
            reference=_printable(name).removesuffix(KEPT)[:100] or "?",
            created=now,
            sha256=sha256,
            size=size,
            bound=_name(number),
            trust=trust,
            whole=now,
            due=now + CLAIM,
        )
        with self._journal.transaction() as tx:
            in_turn(tx, "transfers")
            before = _kept(tx, sha256, staff.authority)
            if before is None:
                tx.add(row)
        if before is not None:
            self._drop(number)
            raise AlreadyDone(
                say("This very package is here already, as {reference}.", reference=before.reference)
            )
        self._verify(row)
        return self._row(staff, number)

    # --- for the pages

    def listed(self, staff: Staff) -> list[dict[str, Any]]:
        """What partners sent and what was brought, the newest first. Raises: NotFound for whom it is not."""
        _refuse_others(staff)
        with self._journal.reading() as tx:
            rows = tx.exec(
                select(Received)
                .where(or_(Received.authority_id == staff.authority, col(Received.authority_id).is_(None)))
                .order_by(col(Received.created).desc(), col(Received.id))
            ).all()
            names = dict(tx.exec(select(Account.id, Account.name)).all())
        beside = _beside(rows)
        return [_told(row, names, beside.get(row.id, 0)) for row in rows]

    def one(self, staff: Staff, received: UUID) -> dict[str, Any]:
        """With what came of each check. Raises: NotFound."""
        found = next((one for one in self.listed(staff) if one["received"] == str(received)), None)
        if found is None:
            raise NotFound(say("There is no such record here."))
        row = self._row(staff, received)
        with self._journal.reading() as tx:
            receipts = {kind: row.given for kind, row in _rows(tx, received).items()}
        return {
            **found,
            "checks": row.checks,
            "receipts": {kind: stamp(given) for kind, given in receipts.items()},
        }

    def film(self, staff: Staff, received: UUID) -> tuple[Film, str]:
        """The package as it was received, with its reference; whoever opens it first is the other court's receipt.

        Raises: NotFound, NotNow, Unreachable.
        """
        row = self._row(staff, received)
        if row.kept is None:
            raise NotNow(say("This is not kept here as a record."))
        holder = self._row(staff, row.same) if row.same else row
        film = self._film(holder)
        now = self._journal.clock()
        with self._journal.transaction() as tx:
            fresh = tx.get_one(Received, row.id)
            if fresh.opened is None:
                fresh.opened = now
                self._give(tx, fresh, "retrieval", now)
        return film, row.reference

    def verify_again(self, staff: Staff, received: UUID) -> None:
        """Raises: NotFound, NotNow."""
        row = self._row(staff, received)
        if row.kept is None:
            raise NotNow(say("This is not kept here as a record."))
        holder = self._row(staff, row.same) if row.same else row
        found = self._found(holder)
        with self._journal.transaction() as tx:
            _enter(tx.get_one(Received, row.id), found.verdict, self._journal.clock())

    def _row(self, staff: Staff, received: UUID) -> Received:
        _refuse_others(staff)
        with self._journal.reading() as tx:
            row = tx.get(Received, received)
        if row is None or row.authority_id not in {None, staff.authority}:
            raise NotFound(say("There is no such record here."))
        return row

    def _film(self, row: Received) -> Film:
        try:
            stream = self._open(row)
        except (OSError, NotOpened) as error:
            log.exception("a received record cannot be read")
            raise Unreachable(say(GONE)) from error
        size = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        return Film(size, stream)

    # --- the chore

    def work(self) -> None:
        """Whatever is due: fetched, verified, told."""
        while not self._stopping.is_set() and (row := claimed(self._journal, Received)) is not None:
            try:
                self._attend(row)
            except Refusal as refusal:
                self._wait(row, refusal.sentence)
            except OSError as error:
                if error.errno not in FULL:
                    log.exception("a record cannot be received")
                self._wait(row, DISK_FULL)

    def stop(self) -> None:
        """No further attempt is begun, and a running one ends with its piece."""
        self._stopping.set()

    def sweep(self) -> None:
        """Files that are of no record, nor of one that is coming: brought by somebody who went away, or killed in the
        middle.
        """
        with self._journal.reading() as tx:
            rows = tx.exec(select(Received.id).where(col(Received.ended).is_(None))).all()
        known = {f"{one}{end}" for one in rows for end in (KEPT, PART)}
        oldest = (self._journal.clock() - ABANDONED).timestamp()
        for name in self._files.names():
            path = self._folder / name
            with suppress(OSError):
                if name not in known and path.stat().st_mtime < oldest:
                    path.unlink()

    def _attend(self, row: Received) -> None:
        if row.whole is None and row.ended is None:
            if row.created < self._journal.clock() - PATIENCE:
                self._end(row, NEVER_CAME)
                return
            try:
                row = self._fetched(row)
            except _Over:
                return
        if row.whole is not None and row.verified is None:
            self._verify(row)
        self._tell(row)

    def _wait(self, row: Received, said: str) -> None:
        with self._journal.transaction() as tx:
            fresh = tx.get_one(Received, row.id)
            if fresh.ended is None:
                fresh.said = str(said)
            fresh.due = self._journal.clock() + pause(fresh.attempts)

    def _end(self, row: Received, said: str) -> None:
        self._drop(row.id)
        with self._journal.transaction() as tx:
            fresh = tx.get_one(Received, row.id)
            fresh.ended, fresh.said, fresh.due = self._journal.clock(), str(said), None

    # --- fetching

    def _fetched(self, row: Received) -> Received:
        """As far as it comes in a round; with `whole` once all of it is here. Raises: Unreachable, Unverifiable, OSError."""
        announced = Announcement.model_validate_json(row.document or b"")
        self._files.prepare()
        missing = announced.length - row.got * PIECE
        if missing > 0 and shutil.disk_usage(self._folder).free < missing + RESERVE:
            raise Unreachable(say(DISK_FULL))
        got = self._on_disk(row, announced)
        if got < len(announced.pieces):
            got = self._pull(row, announced, got)
        if got < len(announced.pieces):
            return self._got(row, got, due=self._journal.clock())
        if self._files.size(_part(row.id)) is not None:
            self._files.rename(_part(row.id), _name(row.id))
        return self._got(row, got, whole=True)

    def _on_disk(self, row: Received, announced: Announcement) -> int:
        """How many pieces are there: what the row says, or fewer if the disk lost some."""
        if self._files.size(_name(row.id)) == announced.length and row.got == len(announced.pieces):
            return row.got
        size = self._files.size(_part(row.id)) or 0
        there = len(announced.pieces) if size >= announced.length else size // PIECE
        return min(row.got, there)

    def _pull(self, row: Received, announced: Announcement, got: int) -> int:
        partner = next((one for one in self.partners if one.name == row.partner), None)
        if partner is None:
            raise Unreachable(say(NOT_A_PARTNER, partner=row.partner))
        token = self._key.unwrap(row.token or b"", TOKEN).decode()
        until = time.monotonic() + ROUND_SECONDS
        address = f"{partner.address}/transfers/{row.id}/content"
        since = got * PIECE
        headers = {"authorization": f"Bearer {token}"}
        with self._web.stream(address, since=since, headers=headers) as coming:
            if coming.status in {409, 410}:
                self._end(row, say(BACK, partner=partner.name))
                raise _Over
            if coming.status == 404:
                raise Unreachable(say(NOT_GIVEN, partner=partner.name))
            if coming.status not in {200, 206} or coming.since not in {0, since}:
                raise Unreachable(say(NOT_UNDERSTOOD, partner=partner.name))
            for piece in _pieces(coming, since, announced, got):
                if hashlib.sha256(piece).hexdigest() != announced.pieces[got]:
                    raise Unverifiable(say(ALTERED))
                self._put(row, got, piece)
                got += 1
                self._got(row, got, due=self._journal.clock() + CLAIM)
                if self._stopping.is_set() or time.monotonic() > until:
                    return got
        if got < len(announced.pieces):
            raise Unreachable(say(CUT))
        return got

    def _put(self, row: Received, n: int, piece: bytes) -> None:
        """In its place, on disk when this returns. Raises: OSError."""
        path = self._folder / _part(row.id)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            at, left = n * PIECE, memoryview(piece)
            while left:
                written = os.pwrite(descriptor, left, at)
                left, at = left[written:], at + written
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _got(self, row: Received, got: int, *, due: datetime | None = None, whole: bool = False) -> Received:
        now = self._journal.clock()
        with self._journal.transaction() as tx:
            fresh = tx.get_one(Received, row.id)
            fresh.got, fresh.attempts, fresh.said = got, 1, None
            fresh.due = due or now + CLAIM
            if whole and fresh.whole is None:
                fresh.whole = now
            return fresh

    # --- verifying

    def _verify(self, row: Received) -> None:
        """What came of it is written down, with its receipt; what does not verify is not kept."""
        found = self._found(row)
        if found.damaged and self._lost(row):
            return
        now = self._journal.clock()
        with self._journal.transaction() as tx:
            in_turn(tx, "transfers")
            fresh = tx.get_one(Received, row.id)
            if fresh.verified is not None:
                return
            _enter(fresh, found.verdict, now)
            fresh.hearing = fresh.hearing or found.hearing
            if fresh.accepted:
                fresh.kept = now
            else:
                fresh.ended = now
            fresh.due = None
            self._give(tx, fresh, "delivery", now, accepted=fresh.accepted, verdict=fresh.verdict)
        if not found.verdict.accepted:
            self._drop(row.id)

    def _lost(self, row: Received) -> bool:
        """Whether the disk holds something else than was written there, so that it is fetched again from that piece on."""
        if row.document is None:
            return False
        announced = Announcement.model_validate_json(row.document)
        good = 0
        with suppress(OSError), self._files.open(_name(row.id)) as file:
            for digest in announced.pieces:
                if hashlib.sha256(file.read(PIECE)).hexdigest() != digest:
                    break
                good += 1
        if good == len(announced.pieces):
            return False
        with suppress(OSError):
            self._files.rename(_name(row.id), _part(row.id))
        with self._journal.transaction() as tx:
            fresh = tx.get_one(Received, row.id)
            fresh.got, fresh.whole, fresh.said = good, None, str(ALTERED)
            fresh.due = self._journal.clock() + pause(fresh.attempts)
        return True

    def _found(self, row: Received) -> _Found:
        now = self._journal.clock()
        try:
            with closing(self._open(row)) as stream:
                if _digest(stream) != (row.sha256, row.size):
                    return _Found(_refused(NOT_THE_ONE), "", damaged=True)
                hearing = _hearing(stream)
                if row.hearing and hearing and hearing != row.hearing:
                    return _Found(_refused(OTHER_HEARING), hearing)
                return _Found(verify.verify_stream(stream, trust=row.trust, at=now), hearing)
        except (OSError, NotOpened):
            log.exception("a received record cannot be read")
            return _Found(_refused(GONE), "", damaged=True)

    def _open(self, row: Received) -> BinaryIO:
        return opened(self._files.open(_name(row.id)), row.bound, self._unwrap())

    def _drop(self, received: UUID) -> None:
        with suppress(OSError):
            for name in (_name(received), _part(received)):
                self._files.remove(name)

    # --- telling

    def _tell(self, row: Received) -> None:
        """The receipts that the other side may not have. Raises: Unreachable."""
        with self._journal.reading() as tx:
            fresh = tx.get_one(Received, row.id)
            rows = _rows(tx, row.id)
        untold = [kind for kind, one in rows.items() if one.told is None]
        partner = next((one for one in self.partners if one.name == row.partner), None)
        if fresh.whole is None and fresh.ended is None:
            return  # the answer to the announcement had the only one; it is fetched on
        if not untold or partner is None:
            self._rest(row)
            return
        given = in_order({kind: Sealed(one.document, one.seal) for kind, one in rows.items()})
        answer = self._web.post(
            f"{partner.address}/transfers/{row.id}/receipts",
            json.dumps({"receipts": [one.told() for one in given]}).encode(),
            kind="application/json",
        )
        if answer.status not in {200, 201, 404, 410}:  # of a hearing that was destroyed nobody wants to know
            if fresh.created < self._journal.clock() - PATIENCE:
                self._rest(row)
                return
            raise Unreachable(say(NOT_UNDERSTOOD, partner=partner.name))
        with self._journal.transaction() as tx:
            for kind in untold:
                tx.get_one(GivenReceipt, (row.id, kind)).told = self._journal.clock()
        self._rest(row)

    def _rest(self, row: Received) -> None:
        """Nothing is left to do, unless a receipt was given meanwhile."""
        with self._journal.transaction() as tx:
            fresh = tx.get_one(Received, row.id)
            if not any(one.told is None for one in _rows(tx, row.id).values()) or not fresh.partner:
                fresh.due = None
                if fresh.ended is None:
                    fresh.said = None

    # --- the pair

    def _pair(self) -> TransferKey:
        with self._journal.reading() as tx:
            found = tx.get(TransferKey, 1)
        if found is not None:
            return found
        with self._journal.transaction() as tx:
            in_turn(tx, PURPOSE)
            found = tx.get(TransferKey, 1)
            if found is None:
                public, secret = new_pair()
                found = TransferKey(
                    id=1,
                    public=public,
                    secret=self._key.wrap(secret, PURPOSE),
                    created=self._journal.clock(),
                )
                tx.add(found)
            return found

    def _unwrap(self) -> Unwrap:
        return unwrapping(self._key.unwrap(self._pair().secret, PURPOSE))


def _name(received: UUID) -> str:
    return f"{received}{KEPT}"


def _part(received: UUID) -> str:
    return f"{received}{PART}"


def _printable(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable()).strip() or "?"


def _rows(tx: Session, received: UUID) -> dict[str, GivenReceipt]:
    rows = tx.exec(select(GivenReceipt).where(GivenReceipt.received_id == received)).all()
    return {row.kind: row for row in rows}


def _given(tx: Session, received: UUID) -> dict[str, Sealed]:
    tx.flush()
    return {kind: Sealed(row.document, row.seal) for kind, row in _rows(tx, received).items()}


def _kept(tx: Session, sha256: str, authority: UUID | None) -> Received | None:
    """The record that this package is, for the same eyes."""
    return tx.exec(
        select(Received).where(
            Received.sha256 == sha256,
            Received.authority_id == authority,
            col(Received.kept).is_not(None),
            col(Received.same).is_(None),
        )
    ).first()


def _refuse_others(staff: Staff) -> None:
    if staff.role not in READERS:
        raise NotFound(say("There is no such page for you."))


def _pieces(coming: Coming, since: int, announced: Announcement, n: int) -> Iterable[bytes]:
    """Whole pieces, from the one with the number `n` on; not a byte more is held than a piece and what came with it."""
    skip = since - coming.since
    held = bytearray()
    for data in coming.pieces:
        held += data[skip:]
        skip = max(0, skip - len(data))
        while n < len(announced.pieces) and len(held) >= (length := piece_length(announced, n)):
            yield bytes(held[:length])
            del held[:length]
            n += 1
        if n == len(announced.pieces):
            return


def _digest(stream: BinaryIO) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    while data := stream.read(1024 * 1024):
        digest.update(data)
        size += len(data)
    return digest.hexdigest(), size


def _hearing(stream: BinaryIO) -> str:
    """The hearing that a package names; nothing if it is none."""
    try:
        return urn(UUID(check_layout([entry.name for entry in entries_of(stream)])))
    except (Unverifiable, ValueError):
        return ""


def _refused(sentence: Sentence) -> Verdict:
    return Verdict((), False, str(sentence))


def _enter(row: Received, verdict: Verdict, now: datetime) -> None:
    row.verified, row.accepted = now, verdict.accepted
    row.verdict = verdict.sentence[:LONGEST_SENTENCE]
    row.checks = [
        {"name": one.name, "outcome": str(one.outcome), "sentence": one.sentence[:LONGEST_SENTENCE]}
        for one in verdict.checks
    ]


def _beside(rows: Sequence[Received]) -> Mapping[UUID, int]:
    """Of records of one hearing, which came first, second …; nothing of those that stand alone."""
    kept = sorted((row for row in rows if row.kept and not row.same), key=lambda row: row.created)
    numbers: dict[UUID, int] = {}
    for hearing in {row.hearing for row in kept}:
        same = [row for row in kept if row.hearing == hearing]
        if len(same) > 1:
            numbers |= {row.id: n for n, row in enumerate(same, 1)}
    return numbers


def _told(row: Received, names: Mapping[UUID, str], beside: int) -> dict[str, Any]:
    count = -(-row.length // PIECE)
    return {
        "received": str(row.id),
        "from": row.partner,
        "by": names.get(row.account_id) if row.account_id else None,
        "reference": row.reference,
        "hearing": row.hearing.removeprefix("urn:uuid:"),
        "version": row.version,
        "size": row.size,
        "sha256": row.sha256,
        "created": stamp(row.created),
        "state": _state(row),
        "percent": row.got * 100 // count if count else 0,
        "said": recognised(row.said, SENTENCES) if row.said else None,
        "verified": stamp(row.verified) if row.verified else None,
        "accepted": row.accepted,
        "verdict": row.verdict,
        "kept": stamp(row.kept) if row.kept else None,
        "opened": stamp(row.opened) if row.opened else None,
        "same": str(row.same) if row.same else None,
        "beside": beside,
    }


def _state(row: Received) -> str:
    """`refused`: it is not kept; `doubtful`: it is kept, and no longer verifies."""
    if row.kept is not None:
        return "kept" if row.accepted else "doubtful"
    if row.verified is not None:
        return "refused"
    if row.ended is not None:
        return "ended"
    if row.whole is not None:
        return "verifying"
    return "coming" if row.got else "announced"


STATES: Mapping[str, tuple[Sentence, str]] = {
    "announced": (say("announced, not fetched yet"), "now"),
    "coming": (say("being fetched"), "now"),
    "verifying": (say("being verified"), "now"),
    "kept": (say("verified and kept"), "met"),
    "doubtful": (say("kept, and no longer verifies"), "needs"),
    "refused": (say("not kept: it does not verify"), "never"),
    "ended": (say("never came"), "never"),
}
"""How a record stands, in words, and with which tone."""
