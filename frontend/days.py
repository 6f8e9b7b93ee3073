"""A hearing drawn on the day of each seat, so that both stand under each other at the same instants.

Both drawings run over the same 24 hours, in the middle of which the hearing lies. Where the clock of a seat
changes, its hours are drawn as they are: one is left out, or comes twice.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduling.zones import on_clock

WORKING = range(9, 17)  # hours of a usual working day
NIGHT = (*range(6), 22, 23)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Hour:
    """`at`: in minutes from the drawing's beginning; `shown`: the hour on the wall."""

    at: int
    shown: int
    kind: str


@dataclass(frozen=True)
class Day:
    """`at`, `length`: where the hearing lies, in minutes from the drawing's beginning; `kind` of its hours:
    working, night or free, the worst of them.
    """

    zone: str
    hours: tuple[Hour, ...]
    at: int
    length: int
    kind: str


def day(start: datetime, length: timedelta, zone: str) -> Day:
    """Twelve hours before the hearing's middle, and twelve after."""
    begin = (start + length / 2 - 12 * _HOUR).replace(minute=0, second=0, microsecond=0)
    hours = tuple(_hour(begin, n, zone) for n in range(25))
    at = int((start - begin).total_seconds() // 60)
    minutes = int(length.total_seconds() // 60)
    touched = {one.kind for one in hours if one.at < at + minutes and one.at + 60 > at}
    worst = next(kind for kind in ("night", "free", "working") if kind in touched)
    return Day(zone, hours, at, minutes, worst)


def _hour(begin: datetime, n: int, zone: str) -> Hour:
    shown = on_clock(begin + n * _HOUR, zone).time.hour
    kind = "working" if shown in WORKING else "night" if shown in NIGHT else "free"
    return Hour(n * 60, shown, kind)
