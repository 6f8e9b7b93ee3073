"""The head that a package is made of: frozen once, with all that is sealed with it, so that the full record and every
redacted one, made years apart, hold the very same bytes and seals.

What is frozen is the first head over what is asked for that every cosigner of the hearing has signed; one that is away
is waited for shortly and then done without, and so is an authority of timestamps. `log-key.json` says how many have
signed this head, and whether it bears a timestamp, and nothing that is not there.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from cryptography.hazmat.primitives.serialization import Encoding
from sqlmodel import Session, col, select

from hearings import cosigning, package
from hearings.cosigning import Cosigners
from hearings.errors import NotNow, Unreachable
from hearings.events import HearingClosed
from hearings.journal import Journal, origin
from hearings.seals import CourtSeal
from hearings.sentences import say
from hearings.signatures import fingerprint
from hearings.states import State
from hearings.tables import Checkpoint, FrozenHead, Hearing, JournalLeaf
from hearings.timestamps import Stamps

WAIT_SECONDS = 5.0  # of whoever asks for a package, for a cosigner that may still sign
PATIENCE = timedelta(minutes=1)  # from the closing on, where nobody asks yet
KEPT = 16  # earlier heads that go along
_LOOK_SECONDS = 0.1
_AT_ONCE = 20

log = logging.getLogger(__name__)


class Head(NamedTuple):
    """A head and the cosignatures on it, by vkey."""

    size: int
    note: bytes
    lines: Mapping[str, bytes]

    @property
    def cosigned(self) -> bytes:
        return self.note + b"".join(self.lines[vkey] for vkey in sorted(self.lines))


def chosen(heads: Sequence[Head], cosigners: Sequence[str]) -> Head:
    """The first that most of the cosigners signed; `heads` by rising size."""
    return max(heads, key=lambda head: len(head.lines.keys() & set(cosigners)))


def earlier(heads: Sequence[Head], most: int = KEPT) -> list[Head]:
    """Of the heads before the frozen one, by rising size: the first, others at even distances, and the last that each
    cosigner signed.
    """
    last = {vkey: head.size for head in heads for vkey in head.lines}
    wanted = {head.size for head in heads[:: max(1, len(heads) // most)]} | set(last.values())
    return [head for head in heads if head.size in wanted]


class Heads:
    """`stamps`: None where no authority of timestamps is set."""

    def __init__(
        self,
        journal: Journal,
        seal: CourtSeal,
        cosigners: Cosigners | None = None,
        stamps: Stamps | None = None,
        *,
        wait: float = WAIT_SECONDS,
    ) -> None:
        self._journal = journal
        self._seal = seal
        self._cosigners = cosigners
        self._stamps = stamps
        self._wait = wait
        self._signer = fingerprint(seal.certificate)

    def freeze(self, hearing: UUID, *, at_least: int) -> FrozenHead:
        """The head over at least so many entries that packages are made of; frozen now, if none was. Waits `WAIT_SECONDS`
        at most for a cosigner. Raises: NotNow if no head is signed that far, Unreachable.
        """
        until = time.monotonic() + self._wait
        while True:
            with self._journal.reading() as tx:
                kept = self._kept(tx, hearing, at_least)
                ready = kept is None and self._is_cosigned(tx, hearing, at_least)
            if kept is not None:
                return kept
            if ready or time.monotonic() >= until:
                return self._keep(self._made(hearing, at_least), at_least)
            time.sleep(_LOOK_SECONDS)  # another process may bring the line: there is no event to wait on

    def work(self) -> None:
        """Freezes a head of every closed file that has none yet, as soon as it is complete, at the latest when `PATIENCE` is
        over. Raises: Unreachable.
        """
        for hearing, size, closed in self._unfrozen():
            late = self._journal.clock() - closed > PATIENCE
            with self._journal.reading() as tx:
                ready = self._is_cosigned(tx, hearing, size)
            if not (ready or late):
                continue
            made = self._made(hearing, size)
            if late or self._stamps is None or made.token is not None:
                self._keep(made, size)

    def _unfrozen(self) -> list[tuple[UUID, int, datetime]]:
        frozen = select(FrozenHead.size).where(FrozenHead.hearing_id == Hearing.id).exists()
        with self._journal.reading() as tx:
            hearings = tx.exec(
                select(Hearing.id).where(Hearing.state == State.CLOSED, ~frozen).limit(_AT_ONCE)
            ).all()
            rows = tx.exec(
                select(JournalLeaf.hearing_id, JournalLeaf.seq, JournalLeaf.time).where(
                    col(JournalLeaf.hearing_id).in_(hearings), JournalLeaf.type == HearingClosed.type
                )
            ).all()
        return [(hearing, seq + 1, closed) for hearing, seq, closed in rows]

    def _kept(self, tx: Session, hearing: UUID, at_least: int) -> FrozenHead | None:
        """One that the court has sealed with the certificate that it has now: no other may seal a full record."""
        return tx.exec(
            select(FrozenHead)
            .where(
                FrozenHead.hearing_id == hearing,
                FrozenHead.size >= at_least,
                FrozenHead.signer == self._signer,
            )
            .order_by(col(FrozenHead.size))
        ).first()

    def _is_cosigned(self, tx: Session, hearing: UUID, at_least: int) -> bool:
        """Whether nothing is to be waited for."""
        if self._cosigners is None:
            return True
        row = tx.get_one(Hearing, hearing)
        lines = cosigning.lines_of(tx, hearing, at_least).values()
        best = max(lines, key=len, default={})
        return not self._cosigners.expects(tx, row, best)

    def _made(self, hearing: UUID, at_least: int) -> FrozenHead:
        with self._journal.reading() as tx:
            row = tx.get_one(Hearing, hearing)
            heads = _heads(tx, hearing)
            asked = self._cosigners.of(tx, row) if self._cosigners is not None else []
            before = tx.exec(
                select(FrozenHead.log_key, FrozenHead.log_key_seal).where(
                    FrozenHead.hearing_id == hearing, FrozenHead.signer == self._signer
                )
            ).all()
        far = [head for head in heads if head.size >= at_least]
        if not far:
            raise NotNow(say("The head of the journal is not signed yet. Try again in a moment."))
        head = chosen(far, asked)
        note, at = head.cosigned, self._journal.clock()
        token = self._token(note)
        key = package.log_key(
            package.Contents(
                reference=row.reference,
                hearing=hearing,
                origin=origin(hearing),
                leaves=(),
                disclosures=(),
                checkpoint=note,
                log_vkey=row.log_vkey,
                timestamps=token is not None,
                cosigners=sorted({*asked, *head.lines}),
                quorum=len(head.lines),
            )
        )
        return FrozenHead(
            hearing_id=hearing,
            size=head.size,
            signer=self._signer,
            note=note,
            seal=self._sealed(note, at, token),
            log_key=key,
            log_key_seal=dict(before).get(key) or self._sealed(key, at, token),
            token=token,
            root=self._seal.root.public_bytes(Encoding.PEM),
            earlier=[
                one.cosigned.decode() for one in earlier([one for one in heads if one.size < head.size])
            ],
            frozen=at,
        )

    def _token(self, note: bytes) -> bytes | None:
        if self._stamps is None:
            return None
        try:
            return self._stamps.token(note)
        except Unreachable as error:
            log.warning("the head is frozen without a timestamp: %s", error)
            return None

    def _sealed(self, content: bytes, at: datetime, token: bytes | None) -> bytes:
        """With a timestamp of the signature, where the authority has just given a token."""
        return self._seal.sign(content, at, self._stamps if token is not None else None)

    def _keep(self, made: FrozenHead, at_least: int) -> FrozenHead:
        """What was frozen first counts, in whichever process."""
        with self._journal.transaction() as tx:
            hearing = tx.exec(select(Hearing).where(Hearing.id == made.hearing_id).with_for_update()).one()
            if hearing.state is State.DESTROYED:
                raise NotNow(
                    say("Everything of this hearing was destroyed. Only the certificate of that is left.")
                )
            kept = self._kept(tx, made.hearing_id, at_least)
            if kept is None:
                tx.add(made)
            return kept or made


def _heads(tx: Session, hearing: UUID) -> list[Head]:
    lines = cosigning.lines_of(tx, hearing, 0)
    rows = tx.exec(
        select(Checkpoint).where(Checkpoint.hearing_id == hearing).order_by(col(Checkpoint.size))
    ).all()
    return [Head(row.size, row.note, lines.get(row.size, {})) for row in rows]
