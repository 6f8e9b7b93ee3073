"""Listening back: who may hear a stretch again, that they did, and the bytes.

Whoever begins to listen is entered in the journal first (`custody.played`); what they then fetch is given for twelve
hours, in parts, as a player asks for it. Copies lie locked, and are opened as they are read.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol
from uuid import UUID

from sqlmodel import Session, select

from hearings.actors import Actor
from hearings.acts import Acts
from hearings.errors import NotAllowed, NotFound, Unreachable
from hearings.events import GAP, CustodyPlayed
from hearings.journal import Entry
from hearings.playing import INTERPRETATION
from hearings.recording import MEDIA
from hearings.registry import Registry
from hearings.roles import READERS, UNSEALERS, Role
from hearings.sealing import completes, opened_until
from hearings.sentences import say
from hearings.states import Verb
from hearings.story import Story, Stretch, story_of
from hearings.tables import Copy, Hearing, Participant
from hearings.tree import stamp
from media.locked import NotOpened, opened
from media.storage import Storage

GIVEN = timedelta(hours=12)
SHORT = timedelta(seconds=1)
PART = 256 * 1024


class Film(NamedTuple):
    """A copy or a package to be read. `size`: bytes; `stream`: from any place; whoever is given it closes it; `digest`: of a
    package, SHA-256; `leaves`: of how many entries a package is.
    """

    size: int
    stream: BinaryIO
    digest: str = ""
    leaves: int = 0


class Versions(Protocol):
    """Packages of closed hearings, each version by its name."""

    def made(self, hearing: UUID, version: str, *, patience: float | None = ...) -> Film:
        """Opened, and made if need be. `patience`: seconds; None: without end. Raises: NotYet if it takes longer; Refusal."""

    def stands(self, tx: Session, hearing: UUID, version: str, film: Film) -> bool:
        """Whether nothing was ordered since it was drawn up that this version has to follow."""

    def reference(self, hearing: UUID, version: str) -> str:
        """How a hearing is called to whoever gets this version: its reference may tell of somebody whom that does not name."""


class Listening:
    def __init__(self, acts: Acts, keys: Registry, recordings: Path) -> None:
        self._acts = acts
        self._journal = acts.journal
        self._keys = keys
        self._recordings = recordings

    def stretches(self, actor: Actor) -> list[dict[str, Any]]:
        """What there is to listen to. Raises: NotFound for whom it is not."""
        _may_listen(actor)
        with self._journal.reading() as tx:
            hearing = tx.get_one(Hearing, actor.hearing)
            story = self._story(tx, actor.hearing)
            return [
                {
                    "n": one.n,
                    "since": stamp(one.since),
                    "until": stamp(one.until) if one.until else None,
                    "ready": one.n <= hearing.copied,
                    "sealed": _sealing(one, story, actor, self._journal.clock()),
                }
                for one in story.stretches
            ]

    def begin(self, actor: Actor, n: int) -> None:
        """Enters in the journal that this person listens to this stretch. Raises: NotFound, NotAllowed."""
        _may_listen(actor)
        with self._acts.act(actor, Verb.LISTEN) as act:
            _refuse_sealed(_stretch(act.story, n), act.story, act.now)
            if n > act.hearing.copied:
                raise NotFound(say("There is nothing to listen to yet."))
            act.write(CustodyPlayed(stretch=n, by=act.who.handle))

    def stretch(self, actor: Actor, n: int) -> dict[str, Any]:
        """Everything that the page of a stretch shows. Raises: NotFound if this person has not begun to listen."""
        _may_listen(actor)
        with self._journal.reading() as tx:
            self._refuse_unentered(tx, actor, n)
            entries = self._journal.entries(tx, actor.hearing)
            story = story_of(self._journal, actor.hearing, entries)
            stretch = _stretch(story, n)
            _refuse_sealed(stretch, story, self._journal.clock())
            copies = tx.exec(select(Copy).where(Copy.hearing_id == actor.hearing, Copy.stretch == n)).all()
            films = [_film(story, stretch, row) for row in copies if row.size is not None]
            missing = [_film(story, stretch, row) for row in copies if row.size is None]
        return {
            "n": n,
            "since": stamp(stretch.since),
            "length": _seconds(stretch.since, stretch.until),
            "films": sorted(films, key=lambda film: (film["kind"] == INTERPRETATION, film["name"])),
            "missing": missing,
            "gaps": _gaps(story, stretch),
            "sealed_before": _adjoins(story, stretch, -1),
            "sealed_after": _adjoins(story, stretch, 1),
            "entries": _entries(entries, story, stretch),
        }

    def film(self, actor: Actor, name: str) -> Film:
        """Raises: NotFound, Unreachable if it is not on disk as it was sealed."""
        _may_listen(actor)
        with self._journal.reading() as tx:
            row = tx.get(Copy, (actor.hearing, f"{MEDIA}/{name}"))
            if row is None or row.size is None:
                raise NotFound(say("There is no such recording."))
            self._refuse_unentered(tx, actor, row.stretch)
            story = self._story(tx, actor.hearing)
            stretch = _stretch(story, row.stretch)
            _refuse_sealed(stretch, story, self._journal.clock())
            unwrap = self._keys.opener(tx, actor.hearing, sealed=stretch.sealed is not None)
        try:
            stream = opened(Storage(self._recordings / str(actor.hearing)).open(name), name, unwrap)
        except (OSError, NotOpened) as error:
            raise Unreachable(say("This recording cannot be read from disk.")) from error
        return Film(row.size, stream)

    def _story(self, tx: Session, hearing: UUID) -> Story:
        return story_of(self._journal, hearing, self._journal.entries(tx, hearing))

    def _refuse_unentered(self, tx: Session, actor: Actor, n: int) -> None:
        """Nobody listens unseen. Raises: NotFound."""
        handles = _handles(tx, actor)
        since = self._journal.clock() - GIVEN
        for entry in reversed(self._journal.entries(tx, actor.hearing)):
            if entry.time < since:
                break
            event = entry.event
            if isinstance(event, CustodyPlayed) and event.stretch == n and event.by in handles:
                return
        raise NotFound(say("Begin to listen on the page of the recording: it is entered in the journal."))


def parts(film: Film, since: int, until: int) -> Iterator[bytes]:
    """The bytes `[since, until)` of a copy, which is then closed."""
    with film.stream as stream:
        stream.seek(since)
        left = until - since
        while left > 0 and (part := stream.read(min(PART, left))):
            left -= len(part)
            yield part


def _may_listen(actor: Actor) -> None:
    if not READERS.intersection(actor.roles):
        raise NotFound(say("There is no such page for you."))


def _handles(tx: Session, actor: Actor) -> set[str]:
    found = {person.handle for person in actor.people if person.handle}
    if actor.account is not None:
        found |= set(
            tx.exec(
                select(Participant.handle).where(
                    Participant.hearing_id == actor.hearing, Participant.account_id == actor.account
                )
            )
        )
    return found


def _stretch(story: Story, n: int) -> Stretch:
    found = next((one for one in story.stretches if one.n == n), None)
    if found is None:
        raise NotFound(say("There is no such recording."))
    return found


def _refuse_sealed(stretch: Stretch, story: Story, now: datetime) -> None:
    """Raises: NotAllowed unless two people have opened it, or it is not sealed."""
    if stretch.sealed is not None and opened_until(story, stretch.n, now) is None:
        raise NotAllowed(say("This part of the recording is sealed. Two people open it: see the list."))


def _sealing(stretch: Stretch, story: Story, actor: Actor, now: datetime) -> dict[str, Any] | None:
    """Of a sealed stretch why it is, who asks to hear it (`yours` to allow?), and until when it is open."""
    if stretch.sealed is None:
        return None
    asked = story.unsealings.get(stretch.n)
    until = opened_until(story, stretch.n, now)
    waits = asked is not None and asked.allowed is None
    return {
        "reason": stretch.sealed.reason,
        "by": story.named(stretch.sealed.by),
        "until": stamp(until) if until else None,
        "asked": {
            "by": story.named(asked.by),
            "since": stamp(asked.since),
            "reason": asked.reason,
            "yours": any(completes(asked, story, role) for role in _acting(actor)),
        }
        if asked is not None and waits
        else None,
    }


def _adjoins(story: Story, stretch: Stretch, step: int) -> bool:
    """Whether the stretch before or after, without a moment between, is sealed and this one is not."""
    beside = next((one for one in story.stretches if one.n == stretch.n + step), None)
    if beside is None or beside.sealed is None or stretch.sealed is not None:
        return False
    return beside.until == stretch.since if step < 0 else beside.since == stretch.until


def _acting(actor: Actor) -> list[Role]:
    """The role in which this person would answer; of several the first counts (`states.acting_role`)."""
    return [role for role in actor.roles if role in UNSEALERS][:1]


def _film(story: Story, stretch: Stretch, row: Copy) -> dict[str, Any]:
    """`kind`: of an interpretation its own, else that of a person, whose sound and picture it holds."""
    name = row.path.rpartition("/")[2]
    handle, _, rest = name.partition("-")
    channel = rest.startswith(f"{INTERPRETATION}-")
    picture = f"{MEDIA}/{handle}-camera-{stretch.n}.pcapng" in story.sealed
    return {
        "file": name,
        "handle": handle,
        "kind": INTERPRETATION if channel else "person",
        "name": story.named(handle),
        "picture": picture and not channel,
    }


def _gaps(story: Story, stretch: Stretch) -> list[dict[str, Any]]:
    return [
        {
            "name": story.named(gap.track.partition("-")[0]),
            "track": gap.track.partition("-")[2],
            "since": _seconds(stretch.since, gap.since),
            "until": _seconds(stretch.since, gap.until),
            "long": gap.until - gap.since >= SHORT,
            "reason": GAP.get(gap.reason, gap.reason),
        }
        for gap in story.gaps
        if gap.track in stretch.tracks
        and gap.since >= stretch.since
        and stretch.until is not None
        and gap.until <= stretch.until
    ]


def _entries(entries: list[Entry], story: Story, stretch: Stretch) -> list[dict[str, Any]]:
    """What was written down while the stretch ran, with the second at which it was."""
    return [
        {
            "seq": entry.seq,
            "at": _seconds(stretch.since, entry.time),
            "time": stamp(entry.time),
            "sentence": entry.event.sentence(story.named),
        }
        for entry in entries
        if stretch.until is not None
        and stretch.since <= entry.time <= stretch.until
        and not entry.event.quiet
        and entry.event.type.partition(".")[0] != "media"
    ]


def _seconds(since: datetime, until: datetime | None) -> float:
    return round((until - since).total_seconds(), 3) if until is not None else 0.0
