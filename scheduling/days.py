"""What kind of time it is in a seat: working hours, night, weekend, public holiday; and what to say of a time.

The rules:

- The hours are those of the clock there, the day is the one that the calendar shows there.
- Working hours are 9 to 17, the night is 22 to 6. Both are customs of this service, not law.
- Public holidays and weekends of a State come from the library `holidays`: those that hold in the whole State,
  with the day on which they are observed. Some are computed from the moon; their names say "estimated".
- Of a State or a year that the library does not know, that is said. Silence would mean "no holiday".
- A caution warns and never forbids; that a time has passed is for the caller to refuse.

Pure: what time it is now, it is told.

Sources: ISO 3166-1 (codes of States), BCP 47 (tags of languages).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import IntEnum
from functools import cache, lru_cache
from itertools import pairwise
from typing import ClassVar

import holidays

from scheduling import zones

OPENS, CLOSES = time(9), time(17)
NIGHT_FROM, NIGHT_TO = time(22), time(6)
STEP = timedelta(minutes=30)
SHORT_NOTICE = timedelta(days=3)
_LONGEST_DAY = timedelta(hours=27)  # no clock goes back by more than three hours within a day
_WEEK = 7
_COMFORT = 60  # minutes from the edges of working hours: people arrive, and hearings last longer
_MINUTE = timedelta(minutes=1)
_SATURDAY = 5
_YEARS_KEPT = 500


class Kind(IntEnum):
    """Of a moment in a seat, from the best to the worst."""

    WORKING = 0
    FREE = 1
    WEEKEND = 2
    HOLIDAY = 3
    NIGHT = 4


@dataclass(frozen=True)
class Seat:
    """Where somebody sits. `state`: ISO 3166-1, two letters."""

    zone: str
    state: str


@dataclass(frozen=True)
class Holiday:
    """`language` of the name, as a tag: the reader's where the library has it, else the State's own."""

    name: str
    language: str


# --- one day in a State --------------------------------------------------------------------------


def holiday(day: date, state: str, language: str = "en") -> Holiday | None:
    """The public holiday that `day` is in the whole of `state`; None if there is none, or none is known."""
    year = _year(state, day.year, language)
    name = None if year is None else year.get(day)
    if year is None or name is None:
        return None
    return Holiday(name, (year.language or "en").replace("_", "-"))


def weekend(day: date, state: str) -> bool:
    """Whether people rest there on this day of the week; Saturday and Sunday where nothing is known."""
    year = _year(state, day.year)
    if year is None:
        return day.weekday() >= _SATURDAY
    return year.is_weekend(day) and day not in year.weekend_workdays


def known(state: str, year: int) -> bool:
    """Whether the holidays of that year can be told at all."""
    return bool(_year(state, year))


@lru_cache(maxsize=_YEARS_KEPT)
def _year(state: str, year: int, language: str = "en") -> holidays.HolidayBase | None:
    """Never changed once it is made: threads share it."""
    if state not in _states():
        return None
    speaks = holidays.country_holidays(state, language="en_US")
    return holidays.country_holidays(
        state, years=year, expand=False, language=_tongue(language, speaks.default_language, speaks)
    )


@cache
def _states() -> frozenset[str]:
    return frozenset(holidays.list_supported_countries(include_aliases=False))


def _tongue(wanted: str, own: str | None, speaks: holidays.HolidayBase) -> str | None:
    """As the library names a language. Never left to it: it would ask the machine's own settings."""
    tongues = [one for one in (own, *speaks.supported_languages) if one]
    return next((one for one in tongues if one.partition("_")[0] == wanted.partition("-")[0]), own)


# --- moments in a seat ---------------------------------------------------------------------------


def by_the_clock(clock: time) -> Kind:
    """Night, working hours or neither, whatever the day."""
    if clock >= NIGHT_FROM or clock < NIGHT_TO:
        return Kind.NIGHT
    return Kind.WORKING if OPENS <= clock < CLOSES else Kind.FREE


def kind(instant: datetime, seat: Seat) -> Kind:
    """What a moment (aware) is in a seat. Raises: zones.TimeRefused."""
    return _kind(zones.on_clock(instant, seat.zone), seat.state)


def worst(start: datetime, minutes: int, seat: Seat) -> Kind:
    """Of all the moments from `start` on. Raises: zones.TimeRefused."""
    return max(kind(moment, seat) for moment in _moments(start, minutes))


def slots(day: date, zone: str) -> list[datetime]:
    """The instants (UTC) at which clocks in `zone` show a full or a half hour of `day`, as they come: an hour that the
    clocks skip is not among them, one that they repeat is there twice. Raises: as `zones.beginning`.
    """
    begin = zones.beginning(day, zone)
    begin += -timedelta(minutes=zones.on_clock(begin, zone).time.minute) % STEP
    shown = ((one, zones.on_clock(one, zone)) for one in _steps(begin, begin + _LONGEST_DAY))
    return [one for one, clock in shown if clock.date == day]


@dataclass(frozen=True)
class Choice:
    """A time to begin. `worst`: of the whole length, in each seat; `lost`: the less, the better it suits."""

    start: datetime
    worst: tuple[Kind, ...]
    lost: int

    @property
    def suits(self) -> bool:
        """Working hours in every seat, from beginning to end."""
        return max(self.worst) is Kind.WORKING


def ranked(starts: Iterable[datetime], minutes: int, seats: Sequence[Seat]) -> list[Choice]:
    """The best first: what lies least outside of working hours, then what keeps an hour from their edges, then the
    earliest. Raises: zones.TimeRefused.
    """
    shown = cache(zones.on_clock)  # the starts share their half hours
    choices = []
    for start in starts:
        moments = _moments(start, minutes)
        met = [[_kind(shown(moment, seat.zone), seat.state) for moment in moments] for seat in seats]
        room = min(_room(shown(start, seat.zone).time, minutes) for seat in seats)
        choices.append((room, Choice(start, tuple(map(max, met)), sum(one**2 for of in met for one in of))))
    best = sorted(choices, key=lambda one: (one[1].lost, -min(one[0], _COMFORT), one[1].start))
    return [choice for _, choice in best]


def next_day(after: datetime, zone: str, seats: Sequence[Seat], minutes: int) -> date:
    """The first day in `zone`, later than short notice, with a time that is neither night nor weekend nor holiday in any
    seat; the least bad of a week if there is none. Raises: zones.TimeRefused.
    """
    first = zones.on_clock(after + SHORT_NOTICE, zone).date + timedelta(days=1)
    best, least = first, None
    for day in (first + timedelta(days=n) for n in range(_WEEK)):
        choice = next(iter(ranked(_slots_if_any(day, zone), minutes, seats)), None)
        if choice is None:
            continue
        if max(choice.worst) <= Kind.FREE:
            return day
        if least is None or choice.lost < least:
            best, least = day, choice.lost
    return best


def _kind(clock: zones.Clock, state: str) -> Kind:
    hours = by_the_clock(clock.time)
    if hours is Kind.NIGHT:
        return hours
    if holiday(clock.date, state):
        return Kind.HOLIDAY
    return Kind.WEEKEND if weekend(clock.date, state) else hours


def _moments(start: datetime, minutes: int) -> list[datetime]:
    """Enough of them to meet every kind: none is shorter than a step, and the last minute counts."""
    end = start + timedelta(minutes=max(minutes, 1))
    return [*_steps(start, end), end - _MINUTE]


def _steps(start: datetime, end: datetime) -> Iterator[datetime]:
    while start < end:
        yield start
        start += STEP


def _room(begins: time, minutes: int) -> int:
    """Minutes from the hearing to the nearest edge of working hours; less than none outside of them."""
    at = begins.hour * 60 + begins.minute
    return min(at - OPENS.hour * 60, CLOSES.hour * 60 - at - minutes)


def _slots_if_any(day: date, zone: str) -> list[datetime]:
    try:
        return slots(day, zone)
    except zones.MissingTime:
        return []


# --- what to say of a time -----------------------------------------------------------------------


@dataclass(frozen=True)
class Caution:
    """Something to know before a time is agreed; `template` with `values` is a sentence.

    Among the values, `zone` and `other` are names of zones, `state` is a State's two letters, `day` and `other_day`
    are dates; the rest is text that stands as it is.
    """

    kind: ClassVar[str]
    template: ClassVar[str]

    @property
    def values(self) -> Mapping[str, object]:
        return vars(self)

    def __str__(self) -> str:
        return self.template.format(**self.values)


@dataclass(frozen=True)
class Past(Caution):
    kind = "past"
    template = "This time has passed."


@dataclass(frozen=True)
class Soon(Caution):
    kind = "soon"
    template = "This is less than {days} days from now: not everybody may learn of it in time."
    days: int = SHORT_NOTICE.days


@dataclass(frozen=True)
class Night(Caution):
    """`since` and `until`: the hearing on the clock there."""

    kind = "night"
    template = "In {zone} it is night, wholly or in part: {since} to {until}."
    zone: str
    since: str
    until: str


@dataclass(frozen=True)
class OutsideHours(Caution):
    kind = "free"
    template = "In {zone} it is not within usual working hours ({opens} to {closes}): {since} to {until}."
    zone: str
    since: str
    until: str
    opens: str = f"{OPENS:%H:%M}"
    closes: str = f"{CLOSES:%H:%M}"


@dataclass(frozen=True)
class Weekend(Caution):
    kind = "weekend"
    template = "{state}: {day} is at the weekend."
    state: str
    day: date


@dataclass(frozen=True)
class PublicHoliday(Caution):
    kind = "holiday"
    template = "{state}: {day} is a public holiday, {holiday}."
    state: str
    day: date
    holiday: str


@dataclass(frozen=True)
class HolidaysUnknown(Caution):
    kind = "unknown"
    template = "{state}: no public holidays are known for {year}. Ask whether people work there on {day}."
    state: str
    year: int
    day: date


@dataclass(frozen=True)
class OtherDate(Caution):
    kind = "date"
    template = "The dates differ: it begins on {day} in {zone}, and on {other_day} in {other}."
    zone: str
    day: date
    other: str
    other_day: date


@dataclass(frozen=True)
class ClocksChange(Caution):
    """`before` and `after`: offsets from UTC."""

    kind = "clocks"
    template = "In {zone} the clocks change on {day}: from UTC{before} to UTC{after}."
    zone: str
    day: date
    before: str
    after: str


def warnings(
    start: datetime, minutes: int, seats: Sequence[Seat], *, now: datetime, language: str = "en"
) -> list[Caution]:
    """What to know of a hearing at `start` (aware) before it is agreed; the gravest of each seat first, none twice.
    `language`: of the names of holidays. Raises: zones.TimeRefused.
    """
    found: list[Caution] = []
    if start <= now:
        found.append(Past())
    elif start < now + SHORT_NOTICE:
        found.append(Soon())
    for seat in seats:
        found += _of_the_hours(start, minutes, seat)
        touched = (zones.on_clock(moment, seat.zone).date for moment in _moments(start, minutes))
        for day in dict.fromkeys(touched):
            found += [*_of_the_day(day, seat.state, language), *_of_the_clocks(day, seat.zone)]
    found += _of_the_dates(start, seats)
    return list(dict.fromkeys(found))


def _of_the_hours(start: datetime, minutes: int, seat: Seat) -> Iterator[Caution]:
    clocks = [zones.on_clock(moment, seat.zone) for moment in _moments(start, minutes)]
    hours = max(by_the_clock(clock.time) for clock in clocks)
    ends = zones.on_clock(start + timedelta(minutes=minutes), seat.zone)
    since, until = f"{clocks[0].time:%H:%M}", f"{ends.time:%H:%M}"
    if hours is Kind.NIGHT:
        yield Night(seat.zone, since, until)
    elif hours is Kind.FREE:
        yield OutsideHours(seat.zone, since, until)


def _of_the_day(day: date, state: str, language: str) -> Iterator[Caution]:
    feast = holiday(day, state, language)
    if feast:
        yield PublicHoliday(state, day, feast.name)
    if weekend(day, state):
        yield Weekend(state, day)
    if not known(state, day.year):
        yield HolidaysUnknown(state, day.year, day)


def _of_the_clocks(day: date, zone: str) -> Iterator[Caution]:
    offsets = [zones.on_clock(one, zone).offset for one in slots(day, zone)]
    for before, after in pairwise(offsets):
        if before != after:
            yield ClocksChange(zone, day, before, after)


def _of_the_dates(start: datetime, seats: Sequence[Seat]) -> Iterator[Caution]:
    if not seats:
        return
    first, *others = (zones.on_clock(start, seat.zone) for seat in seats)
    for other in others:
        if other.date != first.date:
            yield OtherDate(first.zone, first.date, other.zone, other.date)
