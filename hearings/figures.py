"""What the minutes tell of everybody's connection, from the figures in the journal: a row for each person and kind.

The scores themselves, and the words for them, are those of `media.score`.
"""

from collections.abc import Sequence
from datetime import timedelta
from statistics import median
from typing import NamedTuple

from hearings.events import Came, MediaFigures
from hearings.minutes import Connection, Worst
from hearings.sentences import say
from hearings.story import Story
from media.score import (
    BEST,
    DEMANDING,
    ENOUGH,
    FREEZE_MORE,
    FREEZE_TIMES,
    INTERRUPTED_SECONDS,
    LAST,
    USUAL,
    Grade,
)

WHAT = {
    "audio": say("sound"),
    "camera": say("picture"),
    "document": say("document"),
    "interpretation": say("interpretation"),
    "heard": say("hearing the others"),
}
METHOD = say(
    "Measured while on the record, every two seconds, and written into the journal every ten. Sound is scored by the "
    "short form of the E-model (ITU-T G.107): R = {best} less what delay and less what loss cost. A picture is "
    "scored likewise, by loss and by the time for which it stood still; hearing the others, by what the person's "
    "own equipment reports, which counts what was lost on the way from the others, too. "
    "Good is R from {good}, weak from {weak}, bad below; for interpreters good from {good_there}, weak from "
    "{weak_there}. The word changes when {enough} of the last {last} scores ask for it. Lost: packets that never came, "
    "on average over the time. There and back: the median. A picture stands still when the next one comes later than "
    "{times} times the usual interval and {more} ms; a sound is interrupted when nothing comes for {silent} ms.",
    best=BEST,
    good=f"{USUAL[0]:.0f}",
    weak=f"{USUAL[1]:.0f}",
    good_there=f"{DEMANDING[0]:.0f}",
    weak_there=f"{DEMANDING[1]:.0f}",
    enough=ENOUGH,
    last=LAST,
    times=f"{FREEZE_TIMES:.0f}",
    more=f"{1000 * FREEZE_MORE:.0f}",
    silent=f"{1000 * INTERRUPTED_SECONDS:.0f}",
)
"""How it was measured, for the paper."""


class _Span(NamedTuple):
    told: MediaFigures
    row: Came


def connections(story: Story) -> list[Connection]:
    """One for each person and kind, in the order in which the persons were named."""
    spans: dict[str, list[_Span]] = {}
    for told in story.figures:
        for row in told.rows:
            spans.setdefault(row.track, []).append(_Span(told, row))
    persons, kinds = list(story.people), list(WHAT)

    def order(track: str) -> tuple[int, int]:
        return persons.index(track[:8]), kinds.index(track[9:])

    known = [track for track in spans if track[:8] in story.people and track[9:] in WHAT]
    return [_connection(track, spans[track], story) for track in sorted(known, key=order)]


def _connection(track: str, spans: Sequence[_Span], story: Story) -> Connection:
    millis = sum(span.told.millis for span in spans)
    trips = [span.row.trip for span in spans if span.row.trip is not None]
    heard = track[9:] == "heard"
    return Connection(
        name=story.named(track[:8]),
        what=WHAT[track[9:]],
        good=_millis(spans, Grade.GOOD),
        weak=_millis(spans, Grade.WEAK),
        bad=_millis(spans, Grade.BAD),
        lost=round(sum(span.row.loss * span.told.millis for span in spans) / millis),
        trip=round(median(trips)) if trips else None,
        stops=None if heard else sum(span.row.stops for span in spans),
        stopped=None if heard else sum(span.row.stopped for span in spans),
        worst=_worst(min(spans, key=lambda span: span.row.rank)),
    )


def _millis(spans: Sequence[_Span], grade: Grade) -> int:
    return sum(span.told.millis for span in spans if span.row.grade == grade)


def _worst(span: _Span) -> Worst:
    row = span.row
    return Worst(
        begin=span.told.at - timedelta(milliseconds=span.told.millis),
        end=span.told.at,
        grade=row.grade,
        score=row.score,
        lost=row.loss,
        jitter=row.jitter,
        trip=row.trip,
        frames=row.frames,
        stopped=row.stopped,
    )
