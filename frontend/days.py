"""A hearing drawn on the day of each seat, so that both stand under each other at the same instants.

Both drawings run over the same 24 hours, in the middle of which the hearing lies. Where the clock of a seat
changes, its hours are drawn as they are: one is left out, or comes twice.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduling.days import Seat, kind, worst
from scheduling.zones import on_clock

_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Hour:
    """`at`: in minutes from the drawing's beginning; `shown`: the hour on the wall."""

    at: int
    shown: int
    kind: str


@dataclass(frozen=True)
class Day:
    """`at`, `length`: where the hearing lies, in minutes from the drawing's beginning; `kind` of its hours, the
    worst of them, as `scheduling.days.Kind` names it.
    """

    zone: str
    hours: tuple[Hour, ...]
    at: int
    length: int
    kind: str


def day(start: datetime, minutes: int, seat: Seat) -> Day:
    """Twelve hours before the hearing's middle, and twelve after."""
    begin = start + timedelta(minutes=minutes) / 2 - 12 * _HOUR
    begin = begin.replace(minute=0, second=0, microsecond=0)
    hours = tuple(_hour(begin, n, seat) for n in range(25))
    at = int((start - begin).total_seconds() // 60)
    return Day(seat.zone, hours, at, minutes, worst(start, minutes, seat).name.lower())


def _hour(begin: datetime, n: int, seat: Seat) -> Hour:
    moment = begin + n * _HOUR
    return Hour(n * 60, on_clock(moment, seat.zone).time.hour, kind(moment, seat).name.lower())
