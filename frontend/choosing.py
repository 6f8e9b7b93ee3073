"""Choosing a time: one day on the clocks of both seats, and on it the time that is chosen, with what to know of it.

Whoever opens the page has a good hour chosen already: the best one of the first day that suits both. What is asked
comes in the address, so that every choice is a plain link; what cannot be taken is said beside its field.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from hearings.said import refused
from hearings.schedule import SHORTEST, cautioned
from hearings.sentences import Sentence, say
from hearings.tree import stamp
from scheduling import days, zones
from scheduling.days import Kind, Seat
from scheduling.turns import LONGEST

MOST_OFFERED = 3

KINDS = {
    Kind.WORKING: say("working hours"),
    Kind.FREE: say("out of hours"),
    Kind.WEEKEND: say("weekend"),
    Kind.HOLIDAY: say("public holiday"),
    Kind.NIGHT: say("night"),
}


@dataclass(frozen=True)
class Asked:
    """What stands in the address, as it was typed: `at` is an instant, `time` one on the clock of `zone` on `day`."""

    day: str = ""
    time: str = ""
    fold: str = ""
    zone: str = ""
    minutes: str = ""
    at: str = ""

    @property
    def asks(self) -> bool:
        return self != Asked()


@dataclass(frozen=True)
class Usual:
    """Where nothing is asked: on the clock of `zone`, `minutes` long, at a time that somebody `named` already. `own`:
    the zone of who looks.
    """

    zone: str
    own: str
    minutes: int
    named: datetime | None = None


@dataclass(frozen=True)
class Cell:
    """A half hour in one seat. `date`: another day than before; `offset`: where the clock shows this time twice. Of a
    clock that is no seat's there is no `kind`.
    """

    time: str
    kind: str
    words: Sentence | None
    date: date | None
    offset: str


@dataclass(frozen=True)
class Row:
    """`suits`: a hearing that begins now lies within working hours of both seats."""

    instant: str
    cells: tuple[Cell, ...]
    suits: bool


@dataclass(frozen=True)
class Part:
    """Rows that stand together; `aside`: nobody is at work, or somebody sleeps."""

    rows: tuple[Row, ...]
    aside: bool
    open: bool
    since: str
    until: str

    def begins(self, row: Row, n: int) -> bool:
        """Whether the nth cell of this row is of another kind than the one above it."""
        at = self.rows.index(row)
        return at == 0 or self.rows[at - 1].cells[n].kind != row.cells[n].kind


@dataclass(frozen=True)
class Column:
    """`date`: which most of the day has there."""

    zone: str
    state: str
    date: date
    holiday: days.Holiday | None


@dataclass(frozen=True)
class Chosen:
    """`wall`, `zone` and `fold` say it as a form takes it; `kinds`: the worst of it in each seat."""

    instant: str
    wall: str
    zone: str
    fold: str
    kinds: tuple[tuple[str, str], ...]
    cautions: tuple[tuple[str, Sentence], ...]

    @property
    def past(self) -> bool:
        return any(kind == days.Past.kind for kind, _ in self.cautions)


@dataclass(frozen=True)
class Choosing:
    """`offered`: the best instants of the day to begin at, the best first; `suits`: they lie within working hours of
    both. `wrong`: what is wrong with each field; `twice`: the two instants of a time that comes twice.
    """

    day: date | None
    typed: Asked
    zone: str
    minutes: int
    columns: tuple[Column, ...] = ()
    parts: tuple[Part, ...] = ()
    offered: tuple[str, ...] = ()
    suits: bool = False
    chosen: Chosen | None = None
    wrong: dict[str, Sentence] = field(default_factory=dict)
    twice: tuple[str, ...] = ()

    @property
    def before(self) -> date | None:
        return _reachable(self.day, -1)

    @property
    def after(self) -> date | None:
        return _reachable(self.day, 1)

    def to(self, *, day: date | None = None, at: str = "") -> str:
        """The address of another day, or another time, on the same clock."""
        asked = {"day": day.isoformat() if day else "", "at": at, "zone": self.zone, "minutes": self.minutes}
        return f"?{urlencode({name: value for name, value in asked.items() if value})}#choose"

    def told(self) -> dict[str, Any]:
        """For a program."""
        chosen = self.chosen
        return {
            "day": self.day.isoformat() if self.day else None,
            "zone": self.zone,
            "minutes": self.minutes,
            "offered": self.offered,
            "suits": self.suits,
            "chosen": chosen
            and {
                "instant": chosen.instant,
                "wall": chosen.wall,
                "fold": chosen.fold or None,
                "warnings": [{"kind": kind, "sentence": sentence} for kind, sentence in chosen.cautions],
            },
            "wrong": self.wrong,
        }


def choosing(asked: Asked, usual: Usual, seats: Sequence[Seat], *, now: datetime, language: str) -> Choosing:
    """`language`: of the names of holidays."""
    wrong: dict[str, Sentence] = {}
    zone = _zone(asked.zone or usual.zone, wrong) or usual.zone
    minutes = _minutes(asked.minutes, wrong) or usual.minutes
    found = _Found(asked, usual, seats, now, language, zone, minutes, wrong)
    return found.on(found.day())


@dataclass(frozen=True)
class _Found:
    asked: Asked
    usual: Usual
    seats: Sequence[Seat]
    now: datetime
    language: str
    zone: str
    minutes: int
    wrong: dict[str, Sentence]

    def day(self) -> date | None:
        """The day to be shown; None if there is no such day."""
        if self.asked.day and not self.asked.at:
            return _day(self.asked.day, self.wrong)
        at = _instant(self.asked.at, self.wrong) or self._named()
        if at is not None:
            return zones.on_clock(at, self.zone).date
        return days.next_day(self.now, self.zone, self.seats, self.minutes)

    def on(self, day: date | None) -> Choosing:
        bare = Choosing(day, self.asked, self.zone, self.minutes, wrong=self.wrong)
        if day is None:
            return bare
        try:
            slots = days.slots(day, self.zone)
        except zones.TimeRefused as error:
            self.wrong["day"] = refused(error)
            return bare
        ranked = days.ranked(slots, self.minutes, self.seats)
        at, twice = self._at(day)
        if self.wrong:
            at = None
        elif at is None and ranked:
            at = ranked[0].start
        suiting = {one.start for one in ranked if one.suits}
        offered = [one.start for one in ranked if one.suits or not suiting][:MOST_OFFERED]
        clocks = self._clocks()
        columns = [self._column(clock, slots[len(slots) // 2]) for clock in clocks]
        rows = _rows(slots, clocks, columns, suiting)
        aside = [slot not in offered and _aside(slot, self.seats) for slot in slots]
        return Choosing(
            day,
            self.asked,
            self.zone,
            self.minutes,
            tuple(columns),
            tuple(_parts(slots, rows, aside, at, self.zone)),
            tuple(stamp(start) for start in offered),
            bool(suiting),
            self._chosen(at) if at else None,
            self.wrong,
            twice,
        )

    def _named(self) -> datetime | None:
        """A time that the judge named, unless a day is asked for."""
        return None if self.asked.day else self.usual.named

    def _at(self, day: date) -> tuple[datetime | None, tuple[str, ...]]:
        """What is chosen; and of a time that comes twice the two instants to choose from."""
        if self.asked.at:
            return _instant(self.asked.at, {}), ()
        if not self.asked.time:
            return self._named(), ()
        try:
            wall = datetime.combine(day, time.fromisoformat(self.asked.time).replace(tzinfo=None))
            return zones.instant_of(wall, self.zone, fold=_fold(self.asked.fold)), ()
        except zones.AmbiguousTime as error:
            self.wrong["time"] = refused(error)
            return None, (stamp(error.earlier), stamp(error.later))
        except zones.TimeRefused as error:
            self.wrong["time"] = refused(error)
        except ValueError:
            self.wrong["time"] = say("Write a time, such as 14:30.")
        return None, ()

    def _clocks(self) -> list[Seat]:
        """Both seats, and the clock of who looks or of whom they mean, where that is a third one."""
        shown = list(dict.fromkeys(self.seats))
        others = [zone for zone in (self.zone, self.usual.own) if zone not in {one.zone for one in shown}]
        return [*shown, *(Seat(zone, "") for zone in dict.fromkeys(others))]

    def _column(self, seat: Seat, first: datetime) -> Column:
        day = zones.on_clock(first, seat.zone).date
        return Column(seat.zone, seat.state, day, days.holiday(day, seat.state, self.language))

    def _chosen(self, at: datetime) -> Chosen:
        clock = zones.on_clock(at, self.zone)
        wall = datetime.combine(clock.date, clock.time).replace(second=0, microsecond=0)
        cautions = days.warnings(at, self.minutes, self.seats, now=self.now, language=self.language)
        seats = dict.fromkeys(self.seats)
        return Chosen(
            stamp(at),
            wall.isoformat(timespec="minutes"),
            self.zone,
            _fold_of(wall, self.zone, at),
            tuple((seat.zone, days.worst(at, self.minutes, seat).name.lower()) for seat in seats),
            tuple((one.kind, cautioned(one)) for one in cautions),
        )


def _parts(
    slots: Sequence[datetime], rows: Sequence[Row], aside: Sequence[bool], at: datetime | None, zone: str
) -> Iterator[Part]:
    for is_aside, group in groupby(zip(slots, rows, aside, strict=True), key=lambda one: one[2]):
        of = list(group)
        ends = zones.on_clock(of[-1][0] + days.STEP, zone).time
        yield Part(
            tuple(row for _, row, _ in of),
            is_aside,
            at in {slot for slot, _, _ in of},
            f"{zones.on_clock(of[0][0], zone).time:%H:%M}",
            "24:00" if ends == time() else f"{ends:%H:%M}",
        )


def _aside(slot: datetime, seats: Sequence[Seat]) -> bool:
    hours = [days.by_the_clock(zones.on_clock(slot, seat.zone).time) for seat in seats]
    return Kind.NIGHT in hours or Kind.WORKING not in hours


def _rows(
    slots: Sequence[datetime], clocks: Sequence[Seat], columns: Sequence[Column], suiting: set[datetime]
) -> list[Row]:
    of = [list(_cells(slots, seat, column.date)) for seat, column in zip(clocks, columns, strict=True)]
    return [
        Row(stamp(slot), cells, slot in suiting)
        for slot, cells in zip(slots, zip(*of, strict=True), strict=True)
    ]


def _cells(slots: Sequence[datetime], seat: Seat, day: date) -> Iterator[Cell]:
    shown = [zones.on_clock(slot, seat.zone) for slot in slots]
    walls = [(clock.date, clock.time) for clock in shown]
    for slot, clock, wall in zip(slots, shown, walls, strict=True):
        kind = days.kind(slot, seat) if seat.state else None
        yield Cell(
            f"{clock.time:%H:%M}",
            kind.name.lower() if kind is not None else "",
            KINDS[kind] if kind is not None else None,
            clock.date if clock.date != day else None,
            f"UTC{clock.offset}" if walls.count(wall) > 1 else "",
        )
        day = clock.date


def _zone(typed: str, wrong: dict[str, Sentence]) -> str | None:
    try:
        zones.on_clock(datetime(2026, 1, 1, tzinfo=UTC), typed)
    except zones.UnknownZone as error:
        wrong["zone"] = refused(error)
        return None
    return typed


def _minutes(typed: str, wrong: dict[str, Sentence]) -> int | None:
    if not typed:
        return None
    if typed.isascii() and typed.isdecimal() and len(typed) < 6 and SHORTEST <= int(typed) <= LONGEST:
        return int(typed)
    wrong["minutes"] = say("Write a length from {least} to {most} minutes.", least=SHORTEST, most=LONGEST)
    return None


def _day(typed: str, wrong: dict[str, Sentence]) -> date | None:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        wrong["day"] = say("Write a date, such as 2026-11-23.")
        return None


def _instant(typed: str, wrong: dict[str, Sentence]) -> datetime | None:
    if not typed:
        return None
    try:
        at = datetime.fromisoformat(typed)
        zones.on_clock(at, "Etc/UTC")  # within reach, and with an offset
    except (ValueError, zones.OutOfReach):
        wrong["time"] = say("Choose an hour, or write a date and a time.")
        return None
    return at.astimezone(UTC)


def _fold(typed: str) -> zones.Fold | None:
    return "earlier" if typed == "earlier" else "later" if typed == "later" else None


def _fold_of(wall: datetime, zone: str, at: datetime) -> str:
    """Which of the two, where the clocks show it twice."""
    try:
        zones.instant_of(wall, zone)
    except zones.AmbiguousTime as error:
        return "later" if at >= error.later else "earlier"
    return ""


def _reachable(day: date | None, n: int) -> date | None:
    """The day before or after, unless there is no clock for it."""
    if day is None:
        return None
    try:
        other = day + timedelta(days=n)
    except OverflowError:
        return None
    return other if zones.FIRST_YEAR <= other.year <= zones.LAST_YEAR else None
