"""The sealed package of a closed hearing: made on demand, proved, and kept locked like the recordings that are in it."""

import base64
import json
import os
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from sqlmodel import Session, col, select

from hearings import package, tokens, verify
from hearings.actors import Actor
from hearings.acts import Acts, locked
from hearings.errors import NotNow, Unreachable
from hearings.events import CustodyFetched, HearingClosed
from hearings.heads import Heads
from hearings.journal import origin
from hearings.listening import Film
from hearings.record import may_read
from hearings.recording import MEDIA
from hearings.registry import Registry, public_half
from hearings.seals import CourtSeal
from hearings.sentences import say
from hearings.states import State, Verb
from hearings.story import Story
from hearings.tables import FrozenHead, Hearing, JournalLeaf, RecordFile
from hearings.timestamps import Stamps
from hearings.tree import stamp
from media.locked import Lock, NotOpened, Unwrap, opened
from media.lockedfile import FRAME, LockedFile
from media.storage import Storage

PART = ".clear"
LONGEST_MAKING = timedelta(hours=6)


class Packages:
    def __init__(
        self,
        acts: Acts,
        seal: CourtSeal,
        keys: Registry,
        recordings: Path,
        heads: Heads,
        *,
        stamps: Stamps | None = None,
    ) -> None:
        self._acts = acts
        self._heads = heads
        self._journal = acts.journal
        self._seal = seal
        self._stamps = stamps
        self._keys = keys
        self._recordings = recordings
        self._making = recordings.parent / "packages"
        self._packages = Storage(self._making)

    def sealed_package(self, actor: Actor) -> Film:
        """The sealed package of a closed hearing; that it is taken is entered in the journal. It lies locked like the
        recordings that are in it.

        Raises: NotFound, NotNow, Unreachable.
        """
        may_read(actor)
        with self._journal.transaction() as tx:
            hearing = locked(tx, actor.hearing)
            if hearing.state is not State.CLOSED:
                raise NotNow(say("The package is made when the file is closed."))
            self._keys.prepare(tx, hearing.id, self._journal.clock())  # it may never have been on the record
            closing = _closing(tx, hearing.id)
        self._journal.checkpoint(actor.hearing)  # the database may have been away when it was to be signed
        head = self._heads.freeze(hearing.id, at_least=closing + 1)
        with self._journal.reading() as tx:
            lock = Lock(base64.b64decode(public_half(tx, hearing.id)))
            contents = self._contents(tx, hearing, head)
            unwrap = self._keys.opener(tx, hearing.id)
        name = f"{hearing.id}-{len(contents.leaves)}.asice"
        film = self._kept(name, unwrap) or self._made(name, contents, lock, unwrap)
        try:
            with self._acts.act(actor, Verb.TAKE_ALONG) as act:
                act.write(CustodyFetched(leaves=len(contents.leaves), by=act.who.handle))
        except BaseException:
            film.stream.close()
            if self._gone(hearing.id):  # it was destroyed meanwhile
                self._packages.remove(name)
            raise
        return film

    def sweep(self) -> None:
        """What a killed service left half made, in the clear."""
        oldest = (self._journal.clock() - LONGEST_MAKING).timestamp()
        for path in self._making.glob(f"*{PART}"):
            with suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()

    def trust(self) -> bytes:
        """The trust file that names this court's seal and the roots of the authority for timestamps, to be handed over apart
        from any package.
        """
        return package.trust(self._seal, timestamp_roots=self._stamps.roots if self._stamps else ())

    def _gone(self, hearing: UUID) -> bool:
        with self._journal.reading() as tx:
            return tx.get_one(Hearing, hearing).state is not State.CLOSED

    def _kept(self, name: str, unwrap: Unwrap) -> Film | None:
        """One that was made before; nothing if it cannot be opened."""
        try:
            if self._packages.size(name) is None:
                return None
            stream = opened(self._packages.open(name), name, unwrap)
        except (OSError, NotOpened):
            return None
        size = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        return Film(size, stream)

    def _made(self, name: str, contents: package.Contents, lock: Lock, unwrap: Unwrap) -> Film:
        part = self._making / f"{contents.hearing}-{tokens.handle()}{PART}"  # so that it is destroyed, too
        try:
            self._packages.prepare()
            with part.open("xb") as file:
                package.write(file, contents, seal=self._seal, at=self._journal.clock(), stamps=self._stamps)
            self._prove(part)
            with part.open("rb") as clear, LockedFile(self._packages, name, lock) as locked:
                while data := clear.read(FRAME):
                    locked.put(data)
                locked.finish()
        except (OSError, NotOpened) as error:
            raise Unreachable(
                say("The package could not be written: the disk is full, or a recording is missing.")
            ) from error
        finally:
            with suppress(OSError):
                part.unlink()
        film = self._kept(name, unwrap)
        if film is None:
            raise Unreachable(say("The package was written, and cannot be read again."))
        return film

    def _prove(self, part: Path) -> None:
        """What does not verify is not handed out: a recording may have been altered on our own disk."""
        verdict = verify.verify(part, trust=self.trust(), head=None, at=self._journal.clock())
        if not verdict.accepted:
            raise Unreachable(
                say(
                    "The record does not verify, so it is not handed out. {verdict}", verdict=verdict.sentence
                )
            )

    def _contents(self, tx: Session, hearing: Hearing, head: FrozenHead) -> package.Contents:
        """Whatever was written after that head makes no other package."""
        leaves = tx.exec(
            select(JournalLeaf)
            .where(JournalLeaf.hearing_id == hearing.id, JournalLeaf.seq < head.size)
            .order_by(col(JournalLeaf.seq))
        ).all()
        story = Story().tell(self._journal.entries(tx, hearing.id))
        files = tx.exec(select(RecordFile).where(RecordFile.hearing_id == hearing.id)).all()
        storage = Storage(self._recordings / str(hearing.id))
        unwrap = self._keys.opener(tx, hearing.id)
        sealed = _withheld(story)
        key = json.loads(head.log_key)
        return package.Contents(
            reference=hearing.reference,
            hearing=hearing.id,
            origin=origin(hearing.id),
            leaves=[leaf.data for leaf in leaves],
            disclosures=[leaf.disclosures for leaf in leaves],
            checkpoint=head.note,
            log_vkey=hearing.log_vkey,
            earlier=[note.encode() for note in head.earlier],
            timestamps=key["timestamps"],
            token=head.token,
            cosigners=key["cosigners"],
            quorum=key["quorum"],
            log_key_seal=head.log_key_seal,
            checkpoint_seal=head.seal,
            root=head.root,
            media={
                path: partial(_recorded, storage, path, unwrap) for path in story.sealed if path not in sealed
            },
            withheld=list(sealed.values()),
            minutes={file.path: file.data for file in files},
            tools={"vivavoce": version("vivavoce"), "aiortc": version("aiortc"), "typst": version("typst")},
        )


def _closing(tx: Session, hearing: UUID) -> int:
    """The number of the entry that closed the file."""
    closed = JournalLeaf.type == HearingClosed.type
    return tx.exec(select(JournalLeaf.seq).where(JournalLeaf.hearing_id == hearing, closed)).one()


def _withheld(story: Story) -> dict[str, package.Withheld]:
    """What the court sealed is left out of every copy, with its place in the journal."""
    grounds = {
        one.n: package.Withheld(
            ground="Sealed by the court.", decision=f"interval.sealed of {stamp(one.sealed.since)}"
        )
        for one in story.stretches
        if one.sealed is not None
    }
    numbers = {path: int(path.partition(".")[0].rpartition("-")[2]) for path in story.sealed}
    return {path: replace(grounds[n], path=path) for path, n in numbers.items() if n in grounds}


def _recorded(storage: Storage, path: str, unwrap: Unwrap) -> BinaryIO:
    """A recording, or its index, in the clear. Raises: OSError, NotOpened."""
    name = path.removeprefix(f"{MEDIA}/")
    file = storage.open(name)
    return file if name.endswith(".index.jsonl") else opened(file, name, unwrap)


def package_name(hearing: UUID | str, reference: str) -> str:
    """A file name for the package: the reference, as far as it may stand in one."""
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in reference).strip(
        "-"
    )
    return f"{kept or hearing}.asice"
