"""The copies for playing: derived from the originals as soon as a stretch is complete, and sealed like them.

A person's sound and picture make one copy, each interpretation another. They are derived one stretch at a time, by a
process that yields to everything live (`media.deriver`); the file is closed when they are there. What fails for want
of room is tried again after `AGAIN`. One that cannot be made for another reason is named, and holds up nothing: the
originals are the evidence.
"""

import asyncio
import base64
import contextlib
import logging
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from pydantic import TypeAdapter, ValidationError
from sqlmodel import Session, col, select

from hearings.acts import locked
from hearings.checklist import Obstacle
from hearings.errors import Refusal
from hearings.events import MediaSealed
from hearings.journal import Journal
from hearings.playing import Gap, copies_of, marks_of
from hearings.recording import MEDIA
from hearings.registry import Registry, public_half
from hearings.room import millis
from hearings.sentences import say
from hearings.story import Story, Stretch, story_of
from hearings.tables import Copy, Hearing
from media.locked import HEAD, NotOpened
from media.orders import Derived, Failed, Order, Source
from media.storage import Storage

ENDED = "The process that derives them has ended."
AGAIN = timedelta(seconds=15)

log = logging.getLogger(__name__)
_answer: TypeAdapter[Derived | Failed] = TypeAdapter(Derived | Failed)


def obstacles(hearing: Hearing, story: Story) -> list[Obstacle]:
    """What the closing waits for."""
    if hearing.copied >= len(story.stretches):
        return []
    return [
        Obstacle(
            "copies",
            say(
                "The copies for playing are being made. This can take some minutes; while the disk is full, it waits."
            ),
        )
    ]


class _Wanted(NamedTuple):
    """The copies of one stretch that are not there yet."""

    hearing: UUID
    stretch: int
    orders: list[Order]


class Copies:
    def __init__(self, journal: Journal, keys: Registry, recordings: Path) -> None:
        self._journal = journal
        self._keys = keys
        self._recordings = recordings
        self._waits: dict[UUID, datetime] = {}  # until when, after there was no room

    async def work(self) -> None:
        """Derives whatever is wanted now."""
        while (wanted := await asyncio.to_thread(self._next)) is not None:
            answers = await _derived(wanted.orders)
            await asyncio.to_thread(self._keep, wanted, answers)

    def _next(self) -> _Wanted | None:
        now = self._journal.clock()
        self._waits = {hearing: until for hearing, until in self._waits.items() if until > now}
        with self._journal.reading() as tx:
            hearing = tx.exec(
                select(Hearing)
                .where(col(Hearing.copied) < col(Hearing.kept), col(Hearing.id).not_in(list(self._waits)))
                .order_by(col(Hearing.created))
            ).first()
            if hearing is None:
                return None
            story = story_of(self._journal, hearing.id, self._journal.entries(tx, hearing.id))
            stretch = story.stretches[hearing.copied]
            there = {row.path for row in tx.exec(select(Copy).where(Copy.hearing_id == hearing.id))}
            return _Wanted(hearing.id, stretch.n, list(self._orders(tx, hearing.id, story, stretch, there)))

    def _orders(
        self, tx: Session, hearing: UUID, story: Story, stretch: Stretch, there: set[str]
    ) -> Iterable[Order]:
        tracks = [track for track in stretch.tracks if f"{MEDIA}/{track}-{stretch.n}.pcapng" in story.sealed]
        folder = self._recordings / str(hearing)
        for name, together in copies_of(tracks).items():
            copy = f"{name}-{stretch.n}.webm"
            if f"{MEDIA}/{copy}" in there or stretch.until is None:
                continue
            yield Order(
                folder=folder,
                name=copy,
                sources=[self._source(tx, hearing, folder, stretch, one) for one in together],
                since=millis(stretch.since),
                until=millis(stretch.until),
                marks=_marks(story, stretch, together),
                public=public_half(tx, hearing, sealed=stretch.sealed is not None),
            )

    def _source(self, tx: Session, hearing: UUID, folder: Path, stretch: Stretch, track: str) -> Source:
        """With no key if it cannot be had: the process says so then, and no other hearing waits."""
        name, key = f"{track}-{stretch.n}.pcapng", b""
        with contextlib.suppress(OSError, NotOpened, Refusal), Storage(folder).open(name) as file:
            unwrap = self._keys.opener(tx, hearing, sealed=stretch.sealed is not None)
            key = unwrap(file.read(HEAD))
        return Source(name=name, key=base64.b64encode(key).decode())

    def _keep(self, wanted: _Wanted, answers: Sequence[Derived | Failed]) -> None:
        with self._journal.transaction() as tx:
            hearing = locked(tx, wanted.hearing)
            if hearing.copied >= wanted.stretch:
                return  # another process of this service was quicker, and derived the same
            full = False
            for order, answer in zip(wanted.orders, answers, strict=True):
                path = f"{MEDIA}/{order.name}"
                if tx.get(Copy, (hearing.id, path)) is not None:
                    continue
                if isinstance(answer, Derived):
                    self._journal.append(tx, hearing, MediaSealed(path=path, sha256=answer.sha256))
                    tx.add(Copy(hearing_id=hearing.id, path=path, stretch=wanted.stretch, size=answer.size))
                elif answer.full:
                    log.error("%s: there is no room on disk for %s yet", hearing.id, order.name)
                    full = True
                else:
                    log.error("%s: %s could not be derived: %s", hearing.id, order.name, answer.failed)
                    tx.add(Copy(hearing_id=hearing.id, path=path, stretch=wanted.stretch, size=None))
            if full:
                self._waits[hearing.id] = self._journal.clock() + AGAIN
            else:
                hearing.copied = wanted.stretch
            tx.info["touched"].add(hearing.id)


async def _derived(orders: Sequence[Order]) -> list[Derived | Failed]:
    """An answer to each, whatever becomes of the process."""
    if not orders:
        return []
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "media.deriver",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        told, _ = await process.communicate(
            b"".join(order.model_dump_json().encode() + b"\n" for order in orders)
        )
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    answers = [_read(line) for line in told.splitlines()[: len(orders)]]
    return answers + [Failed(failed=ENDED)] * (len(orders) - len(answers))


def _read(line: bytes) -> Derived | Failed:
    try:
        return _answer.validate_json(line)
    except ValidationError:
        return Failed(failed=ENDED)


def _marks(story: Story, stretch: Stretch, tracks: Sequence[str]) -> list[tuple[int, int, str]]:
    """What is missing, in ms after the stretch began."""
    assert stretch.until is not None
    gaps = (Gap(gap.track, millis(gap.since), millis(gap.until), gap.reason) for gap in story.gaps)
    return marks_of(gaps, tracks, since=millis(stretch.since), until=millis(stretch.until))
