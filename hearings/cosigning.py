"""Has the heads of our journals cosigned by others (C2SP tlog-witness): the side that asks.

A thread for each cosigner sends it the newest head of every hearing that has grown. No step waits for it, nothing of a
hearing depends on it, and no transaction is open while it asks. What comes back is verified and kept. Once heads have
waited for longer than a minute and the cosigner was asked in vain, the journal says so, once, and again when it signs.

A cosigner that holds a head over more entries than the journal has, or over other ones, shows that this journal is not
the one that it signed: the database was restored from an old copy, say. Nothing is sent then but the same question.
"""

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import Session, and_, case, col, func, or_, select

from hearings import cosigner, tree
from hearings.cosigner import Key
from hearings.errors import Unreachable, Unverifiable
from hearings.events import CosignerReturned, CosignerUnavailable
from hearings.journal import Journal
from hearings.sentences import Sentence, say
from hearings.states import OPENED, State
from hearings.tables import Authority, Checkpoint, Cosignature, Cosigning, Hearing, JournalLeaf
from hearings.tree import stamp
from hearings.verify_journal import cosignature as cosignature_on
from hearings.verify_journal import cosigner_key
from hearings.web import Web

LOOK_SECONDS = 2.0
REST_SECONDS = 1.0  # between two rounds, however many steps there are
LONGEST_PAUSE = 15.0  # seconds, of one that does not answer
DEFERRED = 30.0  # seconds, of one hearing that was refused
PATIENCE = timedelta(minutes=1)
TOLERANCE = timedelta(seconds=300)  # of clocks, as the verifier has it
AT_ONCE = 500  # hearings of a round
LARGEST_ANSWER = 16 * 1024
_TRIES = 4
_BUSY = {429, 500, 502, 503, 504}
_OVER = (State.DECLINED, State.CANCELLED, State.CLOSED, State.DESTROYED)

log = logging.getLogger(__name__)


class Other(NamedTuple):
    """A cosigner of ours: the address below which it is asked, its vkey, and of which State's hearings it is, None of all."""

    address: str
    vkey: str
    state: str | None

    @property
    def name(self) -> str:
        return cosigner_key(self.vkey)[0]


def checked(others: Iterable[tuple[str, str, str]]) -> tuple[Other, ...]:
    """Of each State or "", address, and vkey. Raises: Unverifiable for a key that is none."""
    found = tuple(Other(address, vkey, state or None) for state, address, vkey in others)
    if len({cosigner_key(one.vkey) for one in found}) != len(found):
        raise Unverifiable(say("The same cosigner is named twice."))
    return found


# --- what stands -------------------------------------------------------------------------------


class Standing(NamedTuple):
    """How a cosigner stands to a hearing: the last head that it signed and when, None of one that signed none; `away`: since
    when the journal says that it does not; `ahead`: it holds a head over so many entries, which this journal has not.
    """

    name: str
    size: int
    at: datetime | None
    away: datetime | None
    ahead: int | None

    @property
    def sentence(self) -> Sentence:
        if self.ahead is not None:
            return say(
                "{cosigner} has signed {size} entries of this journal that do not fit what is here: the database may have "
                "been restored from an old copy. Tell the administrator.",
                cosigner=self.name,
                size=self.ahead,
            )
        if self.away is not None:
            return CosignerUnavailable(cosigner=self.name, since=self.away).sentence(str)
        if self.at is None:
            return say("{cosigner} has not cosigned this journal yet.", cosigner=self.name)
        return say(
            "{cosigner} cosigns this journal, up to entry {n} so far.", cosigner=self.name, n=self.size - 1
        )

    def told(self) -> dict[str, object]:
        return {
            "cosigner": self.name,
            "size": self.size,
            "at": stamp(self.at) if self.at else None,
            "away": stamp(self.away) if self.away else None,
            "ahead": self.ahead,
            "sentence": self.sentence,
        }


class Contradiction(NamedTuple):
    """A journal of ours that is not what a cosigner signed."""

    hearing: UUID
    reference: str
    cosigner: str
    size: int

    @property
    def sentence(self) -> Sentence:
        return say(
            "{cosigner} has signed {size} entries of the journal of {reference} that do not fit what is here.",
            cosigner=self.cosigner,
            size=self.size,
            reference=self.reference,
        )


def lines_of(tx: Session, hearing: UUID, since: int) -> dict[int, dict[str, bytes]]:
    """The cosignatures on the heads of at least that size: by size, and by the cosigner's vkey."""
    found: dict[int, dict[str, bytes]] = {}
    for row in tx.exec(
        select(Cosignature)
        .where(Cosignature.hearing_id == hearing, col(Cosignature.size) >= since)
        .order_by(col(Cosignature.size), col(Cosignature.cosigner))
    ):
        found.setdefault(row.size, {})[row.cosigner] = row.line
    return found


def concerns(tx: Session, other: Other, hearing: Hearing) -> bool:
    """Whether this cosigner is asked for this hearing."""
    if other.state is None:
        return True
    sides = (hearing.requesting_id, hearing.requested_id)
    return other.state in {tx.get_one(Authority, side).state for side in sides}


# --- asking ------------------------------------------------------------------------------------


class _Head(NamedTuple):
    """The newest head, what the cosigner signed last as far as we know, and what a proof between them is made of."""

    hearing: UUID
    signed: int
    size: int
    note: bytes
    vkey: str
    hashes: Sequence[bytes]

    def asked(self, old: int) -> bytes:
        proof = tree.consistency(self.hashes, old) if 0 < old < self.size else []
        return cosigner.submission(old, proof, self.note)


class _Waiting(NamedTuple):
    hearing: UUID
    state: State
    signed: int
    away: datetime | None


class _Contradicts(Exception):
    """The cosigner holds a head over so many entries that is not one of this journal's."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


class Cosigners:
    """`key` introduces our journals; `holds`: whether this process is the one that asks."""

    def __init__(
        self,
        journal: Journal,
        key: Key,
        web: Web,
        others: Sequence[Other],
        *,
        holds: Callable[[], bool] = lambda: True,
        moment: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal = journal
        self._key = key
        self._web = web
        self.others = tuple(others)
        self._holds = holds
        self._moment = moment
        self._deferred: dict[tuple[str, UUID], float] = {}
        self._met: set[str] = set()  # who has been asked of every living hearing since the start
        self._asking: dict[str, float] = {}  # since when an answer is waited for, by vkey
        self._news = {one.vkey: threading.Event() for one in others}
        self._over = threading.Event()

    def start(self) -> None:
        """A thread for each, and one that looks after them; they end with the process, so that one that hangs holds
        nothing up.
        """
        self._journal.follow(self._wake)
        for one in self.others:
            threading.Thread(target=self._run, args=(one,), name=f"cosigner {one.name}", daemon=True).start()
        if self.others:
            threading.Thread(target=self._watch, name="cosigners", daemon=True).start()

    def stop(self) -> None:
        self._over.set()
        self._wake(None)

    def _wake(self, _hearing: UUID | None) -> None:
        for news in self._news.values():
            news.set()

    def _run(self, other: Other) -> None:
        pause = LOOK_SECONDS
        while not self._over.is_set():
            try:
                answers = not self._holds() or self.work(other)
            except Unreachable as error:
                answers = False
                log.warning("%s could not be asked: %s", other.name, error)
            except Exception:  # logged in full; the next round may do better
                answers = False
                if not self._over.is_set():
                    log.exception("%s could not be asked", other.name)
            if answers:
                pause = LOOK_SECONDS
                self._over.wait(REST_SECONDS)
                self._news[other.vkey].wait(pause)
                self._news[other.vkey].clear()
            else:
                self._over.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    def _watch(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            try:
                self.watch()
            except Unreachable as error:
                log.warning("the cosigners could not be looked after: %s", error)
            except Exception:  # or nobody would be told any more that one is away; logged in full
                log.exception("the cosigners could not be looked after")

    def watch(self) -> None:
        """Of one that has kept us waiting for its answer for a minute it is told, whether or not the answer ever ends.

        Raises: Unreachable of the database.
        """
        for other in self.others:
            since = self._asking.get(other.vkey)
            if since is not None and self._moment() - since > PATIENCE.total_seconds():
                for one in self._waiting(other):
                    self._miss(other, one)

    def work(self, other: Other) -> bool:
        """One round: whatever waits is sent; False if the cosigner does not answer. Raises: Unreachable of the database."""
        missed, answers = [], True
        for one in self._waiting(other):
            deferred = self._deferred.get((other.vkey, one.hearing), 0.0) > self._moment()
            signed = self._ask_for(other, one) if answers and not deferred else False
            answers = answers and signed is not None
            if not signed:
                missed.append(one)
        for one in missed:
            self._miss(other, one)
        if answers:
            self._met.add(other.vkey)
        return answers

    def _waiting(self, other: Other) -> list[_Waiting]:
        """The hearings whose newest head it has not signed, those first whose room is open. At first every living one, so
        that a database from an old copy is found out before anything is added to it.
        """
        newest = (
            select(func.max(Checkpoint.size))
            .where(Checkpoint.hearing_id == Hearing.id)
            .correlate(Hearing)
            .scalar_subquery()
        )
        signed = func.coalesce(col(Cosigning.size), 0)
        grown: ColumnElement[bool] = newest > signed
        if other.vkey not in self._met:
            grown = or_(grown, col(Hearing.state).not_in(_OVER))
        here = and_(col(Cosigning.hearing_id) == col(Hearing.id), col(Cosigning.cosigner) == other.vkey)
        with self._journal.reading() as tx:
            rows = tx.exec(
                select(Hearing.id, Hearing.state, signed, Cosigning.away)
                .join(Cosigning, here, isouter=True)
                .where(grown, newest > 0, *_of_state(other))
                .order_by(case((col(Hearing.state).in_(OPENED), 0), else_=1), col(Hearing.created).desc())
                .limit(AT_ONCE)
            ).all()
        return [_Waiting(*row) for row in rows]

    def _ask_for(self, other: Other, one: _Waiting) -> bool | None:
        """Whether it signed; None if it does not answer."""
        head = self._head(one)
        self._asking[other.vkey] = self._moment()
        try:
            lines = self._cosigned(other, head)
            at = self._verified(other, head, lines)
        except Unreachable as error:
            log.warning("%s does not answer: %s", other.name, error)
            return None
        except _Contradicts as shown:
            self._contradicted(other, one.hearing, shown.size)
        except Unverifiable as refusal:
            log.warning("%s did not cosign the journal of %s: %s", other.name, one.hearing, refusal)
        else:
            self._deferred.pop((other.vkey, one.hearing), None)
            self._keep(other, head, lines, at)
            return True
        finally:
            self._asking.pop(other.vkey, None)
        self._deferred[other.vkey, one.hearing] = self._moment() + DEFERRED
        return False

    def _head(self, one: _Waiting) -> _Head:
        with self._journal.reading() as tx:
            row = tx.exec(
                select(Checkpoint)
                .where(Checkpoint.hearing_id == one.hearing)
                .order_by(col(Checkpoint.size).desc())
                .limit(1)
            ).one()
            hashes = tx.exec(
                select(JournalLeaf.hash)
                .where(JournalLeaf.hearing_id == one.hearing, JournalLeaf.seq < row.size)
                .order_by(col(JournalLeaf.seq))
            ).all()
            vkey = tx.get_one(Hearing, one.hearing).log_vkey
        return _Head(one.hearing, one.signed, row.size, row.note, vkey, hashes)

    def _cosigned(self, other: Other, head: _Head) -> bytes:
        """The lines that it gives. Raises: Unreachable, Unverifiable for a refusal, _Contradicts."""
        old, introduced = head.signed, False
        for _ in range(_TRIES):
            status, data = self._post(f"{other.address}/add-checkpoint", head.asked(old))
            if status == 200:
                return data
            if status == 409:
                size = _size(data)
                if size == old or size > head.size:
                    raise _Contradicts(size)
                old = size
            elif status == 422:
                raise _Contradicts(old)
            elif status == 404 and not introduced:
                introduced = True
                status, _data = self._post(
                    f"{other.address}/introduce", cosigner.introduction(head.vkey, self._key)
                )
                if status != 200:
                    break
            else:
                break
        raise Unverifiable(say("It answers with status {status}.", status=status))

    def _post(self, address: str, body: bytes) -> tuple[int, bytes]:
        status, data = self._web.post(address, body, kind=cosigner.TEXT, most=LARGEST_ANSWER)
        if status in _BUSY:
            raise Unreachable(say("It answers with status {status}.", status=status))
        return status, data

    def _verified(self, other: Other, head: _Head, line: bytes) -> datetime:
        """When it says that it signed. Raises: Unverifiable unless its line holds, and by a clock like ours."""
        at = cosignature_on(tree.read_checkpoint(head.note + line), other.vkey)
        if at is None or abs(at - self._journal.clock()) > TOLERANCE:
            raise Unverifiable(say("Its line is not there, or of another time."))
        return at

    # --- what came of it

    def _keep(self, other: Other, head: _Head, lines: bytes, at: datetime) -> None:
        with self._journal.transaction() as tx:
            hearing = _locked(tx, head.hearing)
            row = _row(tx, other, head.hearing)
            row.size, row.ahead = max(row.size, head.size), None
            line = _own(tree.read_checkpoint(head.note + lines), other.vkey)
            if tx.get(Cosignature, (head.hearing, head.size, other.vkey)) is None:
                tx.add(
                    Cosignature(hearing_id=hearing.id, size=head.size, cosigner=other.vkey, line=line, at=at)
                )
            if row.away is not None and hearing.state is not State.DESTROYED:
                self._journal.append(tx, hearing, CosignerReturned(cosigner=other.name, since=row.away))
            row.away = None

    def _contradicted(self, other: Other, hearing: UUID, size: int) -> None:
        log.error("%s holds another head of the journal of %s, over %s entries", other.name, hearing, size)
        with self._journal.transaction() as tx:
            _locked(tx, hearing)
            _row(tx, other, hearing).ahead = size

    def _miss(self, other: Other, one: _Waiting) -> None:
        """It was asked in vain. Of a file that is closed the journal does not go on telling."""
        if one.away is not None or one.state in _OVER:
            return
        with self._journal.reading() as tx:
            since = tx.exec(
                select(Checkpoint.signed)
                .where(Checkpoint.hearing_id == one.hearing, Checkpoint.size > one.signed)
                .order_by(col(Checkpoint.size))
                .limit(1)
            ).first()
        if since is None or self._journal.clock() - since <= PATIENCE:
            return
        with self._journal.transaction() as tx:
            hearing = _locked(tx, one.hearing)
            row = _row(tx, other, one.hearing)
            if row.away is None and row.size == one.signed and hearing.state not in _OVER:
                row.away = since
                self._journal.append(tx, hearing, CosignerUnavailable(cosigner=other.name, since=since))

    # --- what is told

    def standing(self, hearing: UUID) -> list[Standing]:
        """How each cosigner of this hearing stands, in their order."""
        with self._journal.reading() as tx:
            row = tx.get_one(Hearing, hearing)
            return [self._standing(tx, one, hearing) for one in self.others if concerns(tx, one, row)]

    def _standing(self, tx: Session, other: Other, hearing: UUID) -> Standing:
        row = tx.get(Cosigning, (hearing, other.vkey))
        last = tx.get(Cosignature, (hearing, row.size, other.vkey)) if row is not None else None
        if row is None:
            return Standing(other.name, 0, None, None, None)
        return Standing(other.name, row.size, last.at if last else None, row.away, row.ahead)

    def contradictions(self) -> list[Contradiction]:
        """For the administrator."""
        with self._journal.reading() as tx:
            rows = tx.exec(
                select(Hearing.id, Hearing.reference, Cosigning.cosigner, Cosigning.ahead)
                .join(Cosigning, col(Cosigning.hearing_id) == col(Hearing.id))
                .where(col(Cosigning.ahead).is_not(None))
                .limit(100)
            ).all()
        return [Contradiction(id_, name, cosigner_key(vkey)[0], size or 0) for id_, name, vkey, size in rows]

    def of(self, tx: Session, hearing: Hearing) -> list[str]:
        """The vkeys of those that are asked for this hearing."""
        return [one.vkey for one in self.others if concerns(tx, one, hearing)]

    def expects(self, tx: Session, hearing: Hearing, signed: Mapping[str, object]) -> bool:
        """Whether a cosignature may still come soon, beside these: from one that is not known to be away."""
        return any(
            vkey not in signed
            and (row := tx.get(Cosigning, (hearing.id, vkey))) is not None
            and row.away is None
            and row.ahead is None
            for vkey in self.of(tx, hearing)
        )


def _of_state(other: Other) -> Iterable[ColumnElement[bool]]:
    if other.state is None:
        return ()
    there = select(Authority.id).where(Authority.state == other.state)
    return (or_(col(Hearing.requesting_id).in_(there), col(Hearing.requested_id).in_(there)),)


def _size(data: bytes) -> int:
    """Of a 409 (C2SP tlog-witness). Raises: Unverifiable."""
    text = data.decode("ascii", errors="replace").removesuffix("\n")
    if not re.fullmatch(r"0|[1-9][0-9]{0,15}", text):
        raise Unverifiable(say("It answers with no size."))
    return int(text)


def _own(note: tree.Checkpoint, vkey: str) -> bytes:
    """The line of this cosigner, and no other that came with it."""
    name, key_id, _ = cosigner_key(vkey)
    (value,) = [one.value for one in note.signatures if (one.name, one.key_id) == (name, key_id)]
    return tree.signature_line(name, key_id, value)


def _locked(tx: Session, hearing: UUID) -> Hearing:
    return tx.exec(select(Hearing).where(Hearing.id == hearing).with_for_update()).one()


def _row(tx: Session, other: Other, hearing: UUID) -> Cosigning:
    row = tx.get(Cosigning, (hearing, other.vkey))
    if row is None:
        row = Cosigning(hearing_id=hearing, cosigner=other.vkey, size=0)
        tx.add(row)
        tx.flush()
    return row
