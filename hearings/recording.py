"""What the media worker reports, turned into facts: presence, segments, gaps, sealed files.

A report is committed together with the number up to which the worker's spool is done, so that one that
arrives twice changes nothing. Every second of every track from on to off the record is a segment or a gap;
`unaccounted` says what is missing, and the file cannot be closed while anything is. A gap that is told of a time
of which segments were kept says that the disk has lost them: the journal has it at once, by name.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, true
from sqlmodel import Session, col, func, select

from hearings import docket
from hearings.acts import locked
from hearings.events import (
    LOST,
    Came,
    Event,
    HearingSuspended,
    MediaFailed,
    MediaFigures,
    MediaGap,
    MediaLost,
    MediaProgress,
    MediaRoom,
    MediaSealed,
    MediaShort,
    ParticipantAudible,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantLost,
    ParticipantReturned,
    ParticipantSilent,
    Progress,
    RecordOff,
    RecordOn,
)
from hearings.journal import Entry, Journal
from hearings.sentences import RECORDING_FAILED, SERVICE_STOPPED, Sentence, say
from hearings.states import ON, OPENED, State
from hearings.story import Story, Stretch, story_of
from hearings.tables import Cursor, Gap, Hearing, Participant, Place, Segment
from media import control
from media.control import Report

MEDIA = "data/media"

PROCEEDINGS = frozenset(
    {
        *(
            "hearing",
            "record",
            "examination",
            "oath",
            "warning",
            "exhibit",
            "conduct",
            "statement",
            "requirement",
            "consultation",
        ),
        *("interval", "intervention", "privilege", "objection", "identity"),
    }
)
"""Entries of these kinds are steps of the proceedings, after which the recording is anchored."""

Presence = control.Joined | control.Lost | control.Returned | control.Left | control.Silent | control.Audible
"""What is told of a place and who sits there."""


class Recording:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def take(self, report: Report) -> None:
        """Commits one report, once. A report of a hearing or place that is not known changes nothing."""
        with self._journal.transaction() as tx:
            cursor = tx.get(Cursor, report.spool, with_for_update=True)
            if cursor is not None and report.n <= cursor.n:
                return
            tx.merge(Cursor(spool=report.spool, n=report.n))
            hearing = tx.get(Hearing, UUID(report.hearing), with_for_update=True)
            if hearing is None or hearing.state is State.DESTROYED:
                return
            if isinstance(report.fact, Presence):
                self._presence(tx, hearing, report.fact)
            else:
                self._kept(tx, hearing, report.fact)
            if not isinstance(report.fact, control.SegmentKept | control.GapFound | control.Figures):
                tx.info["touched"].add(hearing.id)  # these come again and again, and nobody is shown them

    def taken(self, spool: str) -> int:
        """The number up to which the reports of a spool are committed."""
        with self._journal.reading() as tx:
            cursor = tx.get(Cursor, spool)
            return cursor.n if cursor is not None else 0

    def worker_gone(self, hearing: UUID) -> None:
        """The media worker has ended: nothing is being kept, and nobody is connected."""
        with self._journal.transaction() as tx:
            row = tx.get(Hearing, hearing, with_for_update=True)
            if row is None:  # the room of a technical test
                return
            row.armed = None
            if row.state not in OPENED:
                return
            now = self._journal.clock()
            for place, people in docket.places(tx, hearing):
                if place.joined is not None:
                    place.joined = place.lost = None
                    self._append(tx, row, (ParticipantLeft(participant=p.handle, at=now) for p in people))
            if row.state in ON:
                self._fail(tx, row, SERVICE_STOPPED)

    def progress(self, hearing: UUID) -> None:
        """While on the record: writes down how far each original is on disk."""
        with self._journal.transaction() as tx:
            row = tx.get(Hearing, hearing, with_for_update=True)
            if row is None or row.state not in ON:
                return
            stretch = story_of(self._journal, hearing, self._journal.entries(tx, hearing)).stretch
            tracks = _progress(tx, hearing, stretch) if stretch else []
            if tracks:
                self._journal.append(tx, row, MediaProgress(tracks=tracks))

    def anchor(self, hearing: UUID) -> None:
        """The same after each step of the proceedings, also after the one that ended the stretch."""
        with self._journal.reading() as tx:
            row = tx.get(Hearing, hearing)
            if row is None or row.state is State.DESTROYED:
                return
            entries = self._journal.entries(tx, hearing)
            if not story_of(self._journal, hearing, entries).stretches[row.kept :] or not _steps_since(
                entries
            ):
                return
        with self._journal.transaction() as tx:
            row = locked(tx, hearing)
            entries = self._journal.entries(tx, hearing)
            stretches = story_of(self._journal, hearing, entries).stretches
            if stretches and stretches[-1].n > row.kept and _steps_since(entries):
                tracks = _progress(tx, hearing, stretches[-1])
                if tracks:
                    self._journal.append(tx, row, MediaProgress(tracks=tracks))

    def unaccounted(self, tx: Session, hearing: Hearing, story: Story) -> list[Sentence]:
        """A sentence for each track of a stretch whose segments and gaps do not add up to the whole of it."""
        missing: list[Sentence] = []
        for stretch in story.stretches:
            if stretch.until is None or stretch.n > hearing.kept:
                missing.append(say("The recording of stretch {n} is not complete yet.", n=stretch.n))
                continue
            segments = _segments(tx, hearing.id, stretch.n)
            for track in stretch.tracks:
                gaps = [(gap.since, gap.until) for gap in story.gaps if gap.track == track]
                spans = [(row.since, row.until) for row in segments if row.track == track]
                if not tiles(spans + _within(gaps, stretch), stretch.since, stretch.until):
                    missing.append(
                        say(
                            "Stretch {n}: not every second of {track} is accounted for.",
                            n=stretch.n,
                            track=track,
                        )
                    )
        return missing

    # --- presence

    def _presence(
        self,
        tx: Session,
        hearing: Hearing,
        fact: Presence,
    ) -> None:
        place = tx.get(Place, UUID(fact.place))
        if place is None or place.hearing_id != hearing.id or hearing.state not in OPENED:
            return
        if place.joined is None and not isinstance(fact, control.Joined):
            return
        people = docket.seated(tx, place.id)
        at = moment(fact.at)
        match fact:
            case control.Joined():
                place.lost = None
                if place.joined is None:
                    place.joined = at
                    self._append(
                        tx, hearing, (ParticipantJoined(participant=p.handle, at=at) for p in people)
                    )
            case control.Lost():
                place.lost = since = moment(fact.since)
                self._append(
                    tx, hearing, (ParticipantLost(participant=p.handle, since=since) for p in people)
                )
            case control.Returned():
                place.lost = None
                self._append(tx, hearing, _returned(people, moment(fact.since), at))
            case control.Left():
                place.joined, place.lost = None, place.lost or at
                self._append(tx, hearing, (ParticipantLeft(participant=p.handle, at=at) for p in people))
            case control.Silent():
                since = moment(fact.since)
                self._append(
                    tx, hearing, (ParticipantSilent(participant=p.handle, since=since) for p in people)
                )
            case control.Audible():
                silent = fact.at - fact.since
                self._append(
                    tx, hearing, (ParticipantAudible(participant=p.handle, silent=silent) for p in people)
                )

    # --- the recorder

    def _kept(self, tx: Session, hearing: Hearing, fact: control.Fact) -> None:
        match fact:
            case control.Armed():
                hearing.armed = moment(fact.at)
            case control.RecorderFailed():
                self._failed(tx, hearing, fact.reason)
            case control.RoomShort() | control.RoomFound():
                self._weighed(tx, hearing, fact)
            case control.SegmentKept():
                _forget(tx, hearing.id, fact)
                tx.add(_segment(hearing.id, fact))
            case control.GapFound():
                self._missing(tx, hearing, fact)
            case control.FileSealed():
                self._sealed(tx, hearing, fact)
            case control.StretchKept():
                self._complete(tx, hearing, fact.stretch)
            case control.Figures():
                if fact.tracks and hearing.state in ON:
                    self._journal.append(tx, hearing, _figures(fact))

    def _failed(self, tx: Session, hearing: Hearing, reason: str) -> None:
        known = hearing.armed is None and self._story(tx, hearing).failed == reason
        hearing.armed = None
        if not known:
            self._fail(tx, hearing, reason)

    def _weighed(self, tx: Session, hearing: Hearing, fact: control.RoomShort | control.RoomFound) -> None:
        event = MediaShort if isinstance(fact, control.RoomShort) else MediaRoom
        if hearing.state in OPENED:
            self._journal.append(tx, hearing, event(minutes=fact.minutes, planned=fact.planned))

    def _missing(self, tx: Session, hearing: Hearing, fact: control.GapFound) -> None:
        """Whatever lies beyond the end was cut off, and is not lost."""
        kept, lost = _told_before(tx, hearing.id, fact)
        if kept:
            stretch = next(one for one in self._story(tx, hearing).stretches if one.n == fact.stretch)
            kept = [row for row in kept if stretch.until is None or row.until <= stretch.until]
        if kept:
            self._journal.append(tx, hearing, _lost(kept))
        spans = [(row.since, row.until) for row in kept] + [(row.since, row.until) for row in lost]
        _forget(tx, hearing.id, fact)
        for since, until, reason in told_anew((moment(fact.since), moment(fact.until)), fact.reason, spans):
            tx.add(_gap(hearing.id, fact, since, until, reason))

    def _sealed(self, tx: Session, hearing: Hearing, fact: control.FileSealed) -> None:
        path = f"{MEDIA}/{fact.name}"
        if path not in self._story(tx, hearing).sealed:
            self._journal.append(tx, hearing, MediaSealed(path=path, sha256=fact.sha256))

    def _complete(self, tx: Session, hearing: Hearing, stretch: int) -> None:
        """Only now are the gaps certain: until the stretch ends the recorder may tell them anew."""
        if stretch <= hearing.kept:
            return
        hearing.kept = stretch
        self._forget_later(tx, hearing, stretch)
        for row in tx.exec(
            select(Gap)
            .where(Gap.hearing_id == hearing.id, Gap.stretch == stretch)
            .order_by(Gap.track, col(Gap.since))
        ):
            event = {"track": row.track, "from": row.since, "to": row.until, "reason": row.reason}
            self._journal.append(tx, hearing, MediaGap.model_validate(event))

    def _forget_later(self, tx: Session, hearing: Hearing, n: int) -> None:
        """What was told of the time after the end was cut off again."""
        stretch = next(one for one in self._story(tx, hearing).stretches if one.n == n)
        for track in stretch.tracks:
            for table in (Segment, Gap):
                _delete(tx, hearing.id, table, track, n, col(table.since) >= stretch.until)

    def _fail(self, tx: Session, hearing: Hearing, reason: str) -> None:
        """Recording failure suspends at once."""
        self._journal.append(tx, hearing, MediaFailed(reason=reason))
        if hearing.state not in ON:
            return
        stretch = self._story(tx, hearing).stretch
        hearing.before, hearing.state = hearing.state, State.SUSPENDED
        said = say(RECORDING_FAILED, reason=reason)
        self._journal.append(tx, hearing, HearingSuspended(reason=said, by="service"))
        if stretch is not None:
            self._journal.append(tx, hearing, RecordOff(stretch=stretch.n, reason=said, by="service"))

    def _story(self, tx: Session, hearing: Hearing) -> Story:
        return story_of(self._journal, hearing.id, self._journal.entries(tx, hearing.id))

    def _append(self, tx: Session, hearing: Hearing, events: Iterable[Event]) -> None:
        for event in events:
            self._journal.append(tx, hearing, event)


def _steps_since(entries: Sequence[Entry]) -> bool:
    """Whether the proceedings went on since it was last written down how far the recording is."""
    for entry in reversed(entries):
        if isinstance(entry.event, MediaProgress | RecordOn):
            return False
        if entry.event.type.partition(".")[0] in PROCEEDINGS:
            return True
    return False


def moment(millis: int) -> datetime:
    """An instant from milliseconds since 1970."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=millis)


def tiles(spans: Sequence[tuple[datetime, datetime]], since: datetime, until: datetime) -> bool:
    """Whether the half-open spans cover [since, until) exactly: no hole, no overlap."""
    at = since
    for start, end in sorted(spans):
        if start != at or end <= start:
            return False
        at = end
    return at == until


def _within(gaps: Sequence[tuple[datetime, datetime]], stretch: Stretch) -> list[tuple[datetime, datetime]]:
    return [gap for gap in gaps if gap[0] >= stretch.since and stretch.until and gap[1] <= stretch.until]


def told_anew(
    gap: tuple[datetime, datetime], reason: str, lost: Iterable[tuple[datetime, datetime]]
) -> list[tuple[datetime, datetime, str]]:
    """A gap in parts: where something had been kept it is lost, and the rest is missing for this reason."""
    at, end = gap
    parts: list[tuple[datetime, datetime, str]] = []
    for since, until in sorted(lost):
        begin, until = max(since, at), min(until, end)  # noqa: PLW2901  # no part is told twice
        if begin >= until:
            continue
        if begin > at:
            parts.append((at, begin, reason))
        before = parts.pop()[0] if parts and parts[-1][1:] == (begin, LOST) else begin
        parts.append((before, until, LOST))
        at = until
    return [*parts, (at, end, reason)] if at < end else parts


def _returned(people: Sequence[Participant], since: datetime, at: datetime) -> list[Event]:
    away = round((at - since).total_seconds() * 1000)
    return [ParticipantReturned(participant=p.handle, since=since, at=at, away=away) for p in people]


def _forget(tx: Session, hearing: UUID, told: control.SegmentKept | control.GapFound) -> None:
    """What is told later of a track replaces what was told of the same time, or of the same segment."""
    for table in (Segment, Gap):
        _delete(tx, hearing, table, told.track, told.stretch, _same_time(table, told))
    if isinstance(told, control.SegmentKept):
        _delete(tx, hearing, Segment, told.track, told.stretch, col(Segment.seg) == told.seg)


def _same_time(
    table: type[Segment | Gap], told: control.SegmentKept | control.GapFound
) -> ColumnElement[bool]:
    return (col(table.since) < moment(told.until)) & (col(table.until) > moment(told.since))


def _told_before(tx: Session, hearing: UUID, gap: control.GapFound) -> tuple[list[Segment], list[Gap]]:
    """The segments that were told of the time of a gap, and what of it is known to be lost."""
    of_it = {"hearing_id": hearing, "track": gap.track, "stretch": gap.stretch}
    kept = select(Segment).filter_by(**of_it).where(_same_time(Segment, gap)).order_by(col(Segment.seg))
    lost = select(Gap).filter_by(**of_it, reason=LOST).where(_same_time(Gap, gap))
    return list(tx.exec(kept)), list(tx.exec(lost))


def _lost(rows: Sequence[Segment]) -> MediaLost:
    first, last = rows[0], rows[-1]
    told = {"track": first.track, "stretch": first.stretch, "first": first.seg, "n": len(rows)}
    return MediaLost.model_validate({**told, "from": first.since, "to": last.until})


def _delete(
    tx: Session,
    hearing: UUID,
    table: type[Segment | Gap],
    track: str,
    stretch: int,
    which: ColumnElement[bool],
) -> None:
    for row in tx.exec(
        select(table).where(
            table.hearing_id == hearing, table.track == track, table.stretch == stretch, which
        )
    ):
        tx.delete(row)
    tx.flush()


def _gap(hearing: UUID, fact: control.GapFound, since: datetime, until: datetime, reason: str) -> Gap:
    return Gap(
        hearing_id=hearing,
        track=fact.track,
        stretch=fact.stretch,
        since=since,
        until=until,
        reason=reason,
    )


def _figures(fact: control.Figures) -> MediaFigures:
    return MediaFigures(
        at=moment(fact.at),
        millis=fact.millis,
        rows=[
            Came(
                track=one.track,
                loss=round(10 * one.loss),
                jitter=round(one.jitter),
                rate=round(one.rate / 1000),
                stops=one.stops,
                stopped=one.stopped,
                score=round(one.score),
                grade=one.grade.value,
                trip=None if one.trip is None else round(one.trip),
                frames=None if one.frames is None else round(one.frames),
            )
            for one in fact.tracks
        ],
    )


def _segment(hearing: UUID, fact: control.SegmentKept) -> Segment:
    return Segment(
        hearing_id=hearing,
        track=fact.track,
        stretch=fact.stretch,
        seg=fact.seg,
        off=fact.off,
        len=fact.len,
        since=moment(fact.since),
        until=moment(fact.until),
        sha256=fact.sha256,
        prefix=fact.prefix,
    )


def _segments(tx: Session, hearing: UUID, stretch: int) -> list[Segment]:
    return list(
        tx.exec(
            select(Segment)
            .where(Segment.hearing_id == hearing, Segment.stretch == stretch)
            .order_by(Segment.track, col(Segment.seg))
        )
    )


def _progress(tx: Session, hearing: UUID, stretch: Stretch) -> list[Progress]:
    """The last segment of each track of the stretch tells how far its file is. What was told of the time after the
    end may be cut off again.
    """
    inside = col(Segment.until) <= stretch.until if stretch.until is not None else true()
    newest = (
        select(Segment.track, func.max(Segment.seg).label("seg"))
        .where(Segment.hearing_id == hearing, Segment.stretch == stretch.n, inside)
        .group_by(Segment.track)
        .subquery()
    )
    rows = tx.exec(
        select(Segment)
        .join(newest, (col(Segment.track) == newest.c.track) & (col(Segment.seg) == newest.c.seg))
        .where(Segment.hearing_id == hearing, Segment.stretch == stretch.n)
        .order_by(Segment.track)
    )
    return [
        Progress(track=row.track, n=row.seg + 1, len=row.off + row.len, sha256=row.prefix) for row in rows
    ]
