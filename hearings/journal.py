"""The journal: one tree a hearing, one writer, this module.

An entry is appended inside the transaction of the change it tells of, so that neither can be without the
other. The hearing's row is locked first: entries of one hearing never interleave. A checkpoint is signed
only over leaves that are committed, in a transaction of its own: a rollback can never fork the log.
Followers hear of a hearing after commit and checkpoint; those of other processes with the commit, over the database.

Several processes may write to one journal. What holds between them is the hearing's row: whoever appends or signs has
it locked. What a process keeps in memory (`_trees`, `_read`) are leaves that were committed, which never change.
"""

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple, TypeVar, cast
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlmodel import Session, col, func, select, update

from hearings import tree
from hearings.database import Database
from hearings.errors import Destroyed, Unreachable
from hearings.events import KINDS, CustodyDestroyed, Event, HearingOpened
from hearings.servicekey import ServiceKey
from hearings.tables import Checkpoint, Hearing, JournalLeaf

Clock = Callable[[], datetime]
Follower = Callable[[UUID | None], None]

T = TypeVar("T")
FORMAT = 1
LEFT = (HearingOpened.type, CustodyDestroyed.type)
REMEMBERED = 64  # hearings whose entries are kept in memory

log = logging.getLogger(__name__)


class Entry(NamedTuple):
    """A leaf as read back."""

    seq: int
    time: datetime
    event: Event


class NewLog(NamedTuple):
    """A fresh log key: wrapped for the database, and its public vkey."""

    wrapped: bytes
    vkey: str


def origin(hearing: UUID) -> str:
    return f"vivavoce/{hearing}"


def urn(hearing: UUID) -> str:
    return f"urn:uuid:{hearing}"


class Journal:
    """The only writer of leaves and checkpoints."""

    def __init__(self, database: Database, key: ServiceKey, clock: Clock) -> None:
        self._database = database
        self._key = key
        self.clock = clock
        self._followers: list[Follower] = []
        self._trees: dict[UUID, tree.Tree] = {}
        self._signing = threading.Lock()
        self._read: dict[UUID, tuple[Entry, ...]] = {}
        self._made: dict[UUID, tuple[Entry, object, object]] = {}

    def follow(self, follower: Follower) -> None:
        """`follower(hearing)` is called after each commit that touched the hearing, in the writer's thread; after those
        of other processes within half a second, in another thread. `follower(None)`: some may have been missed.
        """
        self._followers.append(follower)
        self._database.follow(self._tell)

    def _tell(self, hearing: UUID | None) -> None:
        for follower in self._followers:
            follower(hearing)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """One step: all of its changes and entries, or none; then the checkpoint, then the followers."""
        touched: set[UUID] = set()
        appended: dict[UUID, int] = {}
        erased: set[UUID] = set()
        with self._database.transaction() as tx:
            tx.info["touched"] = touched
            tx.info["appended"] = appended
            tx.info["erased"] = erased
            yield tx
            self._database.tell(tx, touched)
        for hearing in erased:
            self._forget(hearing)
        for hearing in touched | appended.keys():
            self._sign(hearing)
        for hearing in touched:
            self._tell(hearing)

    def _sign(self, hearing: UUID) -> None:
        """What is committed stays so, even if its head cannot be signed at this moment: the next head covers it."""
        try:
            self.checkpoint(hearing)
        except Unreachable:
            log.exception("the head of hearing %s could not be signed yet", hearing)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        with self._database.reading() as tx:
            yield tx

    def new_log(self, hearing: UUID) -> NewLog:
        key = Ed25519PrivateKey.generate()
        wrapped = self._key.wrap(key.private_bytes_raw(), origin(hearing))
        return NewLog(wrapped, tree.verifier_key(origin(hearing), key.public_key()))

    def open(self, tx: Session, hearing: Hearing) -> None:
        """Leaf 0 of a new hearing, whose row is in this transaction."""
        self.append(tx, hearing, HearingOpened(log_key=hearing.log_vkey))

    def append(self, tx: Session, hearing: Hearing, event: Event, *, together: bool = False) -> Entry:
        """Writes one leaf. Its time is now, or the last leaf's if the clock went back, or if both are of one moment:
        they are told `together`.
        """
        tx.flush()
        tx.exec(select(Hearing.id).where(Hearing.id == hearing.id).with_for_update()).one()
        last = tx.exec(
            select(JournalLeaf.seq, JournalLeaf.time)
            .where(JournalLeaf.hearing_id == hearing.id)
            .order_by(col(JournalLeaf.seq).desc())
            .limit(1)
        ).first()
        now = self._now()
        seq, time = (0, now) if last is None else (last[0] + 1, last[1] if together else max(now, last[1]))
        leaf = tree.write_leaf(_clear(hearing.id, seq, time, event), event.members())
        tx.add(
            JournalLeaf(
                hearing_id=hearing.id,
                seq=seq,
                time=time,
                type=event.type,
                data=leaf.data,
                disclosures=list(leaf.disclosures),
                hash=tree.leaf_hash(leaf.data),
            )
        )
        tx.flush()
        if not event.quiet:
            tx.info.setdefault("touched", set()).add(hearing.id)
        tx.info.setdefault("appended", {}).setdefault(hearing.id, seq)
        return Entry(seq, time, event)

    def entries(self, tx: Session, hearing: UUID) -> list[Entry]:
        """All entries, as they can be read at this moment, the uncommitted ones of this transaction included.

        Raises: Destroyed.
        """
        known = self._read.get(hearing, ())
        rows = tx.exec(
            select(JournalLeaf)
            .where(JournalLeaf.hearing_id == hearing, JournalLeaf.seq >= len(known))
            .order_by(col(JournalLeaf.seq))
        )
        entries = [*known, *(Entry(row.seq, row.time, _event(row)) for row in rows)]
        if known and hearing not in tx.info.get("erased", ()) and _destroyed(entries[len(known) :]):
            self._forget(hearing)  # another process destroyed it, what is remembered here included
            raise Destroyed(hearing)
        self._remember(hearing, entries[: tx.info.get("appended", {}).get(hearing)])
        return entries

    def entries_of(self, tx: Session, hearings: Collection[UUID]) -> dict[UUID, list[Entry]]:
        """As `entries`, of many hearings at once; those that did not grow are not asked for."""
        newest = dict(
            tx.exec(
                select(JournalLeaf.hearing_id, func.max(JournalLeaf.seq))
                .where(col(JournalLeaf.hearing_id).in_(hearings))
                .group_by(col(JournalLeaf.hearing_id))
            ).all()
        )
        told = {}
        for hearing in hearings:
            known = self._read.get(hearing, ())
            same = len(known) == newest.get(hearing, -1) + 1
            told[hearing] = list(known) if same else self.entries(tx, hearing)
        return told

    def once(self, hearing: UUID, entries: Sequence[Entry], make: Callable[[Sequence[Entry]], T]) -> T:
        """What is made of all entries of a hearing: made once, and the same for everybody until there are more. It is
        forgotten with them. One kind is kept for each hearing.
        """
        if not entries:
            return make(entries)
        last, kept = entries[-1], self._made.get(hearing)
        if kept is not None and kept[0] is last and kept[1] is make:
            return cast(T, kept[2])
        made = make(entries)
        if hearing in self._read:
            self._made[hearing] = last, make, made
        return made

    def _forget(self, hearing: UUID) -> None:
        self._read.pop(hearing, None)
        self._made.pop(hearing, None)

    def _remember(self, hearing: UUID, committed: list[Entry]) -> None:
        """What is committed never changes, so it is parsed once; of the busiest hearings only."""
        if len(committed) > len(self._read.get(hearing, ())):
            self._read[hearing] = tuple(committed)
        while len(self._read) > REMEMBERED:
            self._forget(next(iter(self._read)))

    def erase(self, tx: Session, hearing: UUID) -> None:
        """Destroys what the leaves of this hearing disclose, and its salts, but for what must stay: its log key and the
        certificate. The leaves themselves stay as they are, and so do the tree and its heads.
        """
        tx.flush()
        tx.exec(
            update(JournalLeaf)
            .where(col(JournalLeaf.hearing_id) == hearing, col(JournalLeaf.type).not_in(LEFT))
            .values(disclosures=[])
        )
        tx.info["erased"].add(hearing)

    def certificate(self, tx: Session, hearing: UUID) -> Entry | None:
        """What is left to read of a hearing that was destroyed."""
        row = tx.exec(
            select(JournalLeaf).where(
                JournalLeaf.hearing_id == hearing, JournalLeaf.type == CustodyDestroyed.type
            )
        ).first()
        return Entry(row.seq, row.time, _event(row)) if row is not None else None

    def checkpoint(self, hearing: UUID) -> None:
        """Signs the committed head, unless that size is signed already. The row is locked first, for the other
        processes; `_signing` is for a thread of this one whose connection, and so its lock, was lost on the way.
        """
        with self._database.transaction() as tx:
            row = tx.exec(select(Hearing).where(Hearing.id == hearing).with_for_update()).one()
            with self._signing:
                grown = self._grown(tx, hearing)
                if tx.get(Checkpoint, (hearing, grown.size)) is not None:
                    return
                secret = self._key.unwrap(row.log_key, origin(hearing))
                note = tree.checkpoint(origin(hearing), grown, Ed25519PrivateKey.from_private_bytes(secret))
                tx.add(Checkpoint(hearing_id=hearing, size=grown.size, note=note, signed=self._now()))

    def _grown(self, tx: Session, hearing: UUID) -> tree.Tree:
        """The tree over what is committed: nothing in this transaction has been appended."""
        kept = self._trees.setdefault(hearing, tree.Tree())
        for item in tx.exec(
            select(JournalLeaf.hash)
            .where(JournalLeaf.hearing_id == hearing, JournalLeaf.seq >= kept.size)
            .order_by(col(JournalLeaf.seq))
        ):
            kept.append(item)
        return kept

    def _now(self) -> datetime:
        now = self.clock()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)


def _destroyed(entries: Iterable[Entry]) -> bool:
    return any(isinstance(entry.event, CustodyDestroyed) for entry in entries)


def _clear(hearing: UUID, seq: int, time: datetime, event: Event) -> dict[str, Any]:
    clear = {"v": FORMAT, "hearing": urn(hearing), "seq": seq, "time": tree.stamp(time), "type": event.type}
    if event.about_someone():
        clear["participant"] = event.participant  # type: ignore[attr-defined]
    return clear


def _event(row: JournalLeaf) -> Event:
    if not row.disclosures:
        raise Destroyed(row.hearing_id)
    kind = KINDS[row.type]
    members = dict(tree.read_disclosure(item) for item in row.disclosures)
    members.pop("names", None)
    if kind.about_someone():
        members["participant"] = tree.read_canonical(row.data)["participant"]
    return kind.model_validate(members)
