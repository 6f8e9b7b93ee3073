"""Instants and the clocks on the wall: the only place where one becomes the other.

The rules:

- A time is stored as an instant in UTC, with the name of the zone in which it was agreed.
- A wall time that the clocks skip does not exist, and is refused: nobody can come at that time.
- A wall time that comes twice is refused, unless the caller says which of the two is meant.
- A time is never shown without its zone and its offset from UTC.
- The rules of the zones come from the `tzdata` package alone, never from the machine, so that two
  machines of one release agree, and `release()` can be written down beside what was computed.
- States change their rules, at short notice too. What was agreed on the wall stays on the wall: `moved`
  gives the new instant.

Sources: PEP 495 (the two readings of one wall time, `fold`), PEP 615 (zoneinfo), RFC 6557 (the
zone data), RFC 9636 (TZif).
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, cached_property
from importlib import resources
from io import BytesIO
from typing import ClassVar, Literal, Protocol
from zoneinfo import ZoneInfo

import tzdata  # type: ignore[import-untyped] # ships no types
from pydantic import BaseModel, ConfigDict

FIRST_YEAR, LAST_YEAR = 1900, 2199
"""Outside of these the zone data says nothing, and a date is a slip of the finger."""

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_MINUTE = timedelta(minutes=1)
_MOST_SHOWN = 40  # characters of a name that is refused

Fold = Literal["earlier", "later"]


class TimeRefused(Exception):
    """No instant can be given for this time; `str()` is a sentence for the person who typed it: `template` with
    `values`.
    """

    template: ClassVar[str]

    def __init__(self, **values: object) -> None:
        super().__init__(self.template.format(**values))
        self.values = values


class UnknownZone(TimeRefused):
    """There is no time zone of that name."""

    template = "There is no time zone named {zone}. Choose one from the list, such as Europe/Amsterdam."


class OutOfReach(TimeRefused):
    """The year is outside of what the zone data covers."""

    template = "{wall} is out of reach. Give a year from {first} to {last} in four digits."


class MissingTime(TimeRefused):
    """The clocks skip this time. `before` is the last minute before it, `after` the first after it (wall)."""

    template = (
        "{wall} ({zone}) cannot be used: the clocks go forward that night: "
        "{time} does not exist; {before} is followed by {after}."
    )

    def __init__(self, wall: datetime, zone: str, *, before: datetime, after: datetime) -> None:
        said = _moment if before.date() != after.date() else _minute
        super().__init__(
            wall=_moment(wall), zone=zone, time=_minute(wall), before=said(before), after=said(after)
        )
        self.before = before
        self.after = after


class AmbiguousTime(TimeRefused):
    """The clocks show this time twice; `earlier` and `later` are the two instants (UTC)."""

    template = (
        "{wall} ({zone}) comes twice: the clocks go back that night. Say which is meant: "
        "the earlier {time} (UTC{first}) or the later {time} (UTC{second})."
    )

    def __init__(self, wall: datetime, zone: str, *, earlier: datetime, later: datetime) -> None:
        first, second = (on_clock(instant, zone).offset for instant in (earlier, later))
        super().__init__(wall=_moment(wall), zone=zone, time=_minute(wall), first=first, second=second)
        self.earlier = earlier
        self.later = later


class Clock(BaseModel):
    """What a clock in `zone` shows at one instant; `offset` is from UTC, such as "+02:00"."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    date: date
    time: time
    zone: str
    offset: str

    @property
    def place(self) -> str:
        """The city that gives the zone its name: "Amsterdam"."""
        return self.zone.rsplit("/", 1)[-1].replace("_", " ")

    @property
    def day(self) -> str:
        """The date in words: "23 November 2026"."""
        return _day(self.date)

    @property
    def brief(self) -> str:
        """For a line where the date is known: "10:26 (Amsterdam)"."""
        return f"{self.time:%H:%M} ({self.place})"

    @property
    def sentence(self) -> str:
        """In full: "Monday 23 November 2026, 10:26 (Europe/Amsterdam, UTC+01:00)"."""
        day = f"{_DAYS[self.date.weekday()]} {_day(self.date)}"
        return f"{day}, {self.time:%H:%M} ({self.zone}, UTC{self.offset})"


def instant_of(wall: datetime, zone: str, *, fold: Fold | None = None) -> datetime:
    """The instant (UTC) at which clocks in `zone` show `wall` (naive).

    `fold` chooses when the clocks show it twice, and means nothing otherwise.
    Raises: UnknownZone, OutOfReach, MissingTime, AmbiguousTime (all TimeRefused);
    ValueError if `wall` carries a zone of its own.
    """
    if wall.tzinfo is not None:
        raise ValueError("a wall time has no zone of its own")
    if not FIRST_YEAR <= wall.year <= LAST_YEAR:
        raise OutOfReach(wall=_moment(wall), first=FIRST_YEAR, last=LAST_YEAR)
    rules = _book().rules(zone)
    first, second = (wall.replace(tzinfo=rules, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first > second:
        change = _change_between(second, first, rules)
        before, after = (
            moment.astimezone(rules).replace(tzinfo=None) for moment in (change - _MINUTE, change)
        )
        raise MissingTime(wall, zone, before=before, after=after)
    if first < second and fold is None:
        raise AmbiguousTime(wall, zone, earlier=first, later=second)
    return second if fold == "later" else first


def on_clock(instant: datetime, zone: str) -> Clock:
    """What clocks in `zone` show at `instant` (aware). Raises: UnknownZone, OutOfReach; ValueError if naive."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs a zone")
    if (
        not FIRST_YEAR - 1 <= instant.year <= LAST_YEAR + 1
    ):  # a wall time within reach may be an instant beyond
        raise OutOfReach(wall=_moment(instant), first=FIRST_YEAR, last=LAST_YEAR)
    local = instant.astimezone(_book().rules(zone))
    offset = local.utcoffset()
    assert offset is not None
    shown = local.time().replace(fold=0) if local.fold else local.time()
    return Clock(date=local.date(), time=shown, zone=zone, offset=_signed(offset))


def both_clocks(instant: datetime, zone_a: str, zone_b: str) -> tuple[Clock, Clock]:
    """The clocks of both seats at one instant. Raises: as `on_clock`."""
    return on_clock(instant, zone_a), on_clock(instant, zone_b)


def moved(wall: datetime, zone: str, fold: Fold | None, instant: datetime) -> datetime | None:
    """The instant (UTC) at which clocks in `zone` show `wall` by the rules of today, if they no longer show it at
    `instant`, for which it was agreed: the State has changed its rules since. None if they still do.

    Where the rules of today skip `wall`, or show it twice and no `fold` says which, nobody but those who agreed can
    say what is meant now: MissingTime or AmbiguousTime is raised. The caller then keeps `instant` and tells both
    sides why, by the sentence of what was raised.
    Raises: MissingTime, AmbiguousTime, UnknownZone, OutOfReach (all TimeRefused); ValueError as `instant_of`.
    """
    shown = on_clock(instant, zone)
    if datetime.combine(shown.date, shown.time) == wall:
        return None
    return instant_of(wall, zone, fold=fold)


def beginning(day: date, zone: str) -> datetime:
    """The first instant (UTC) at which clocks in `zone` show `day`; not always midnight.

    Raises: MissingTime if the clocks skip the whole day; UnknownZone, OutOfReach (all TimeRefused).
    """
    midnight = datetime.combine(day, time())
    try:
        return instant_of(midnight, zone, fold="earlier")
    except MissingTime as skipped:
        if skipped.after.date() != day:
            raise
        return instant_of(skipped.after, zone, fold="earlier")


def names() -> frozenset[str]:
    """Every zone name that is understood, exactly as it is written."""
    return _book().names


def release() -> str:
    """The release of the zone data in use, such as "2026a"."""
    return _book().source.release


# --- where the rules come from -------------------------------------------------------------------


class Source(Protocol):
    """A release of the zone data."""

    @property
    def release(self) -> str:
        """Such as "2026a"."""

    def names(self) -> Iterable[str]: ...

    def read(self, zone: str) -> bytes:
        """The rules of one of `names`, as TZif (RFC 9636)."""


class Package:
    """The `tzdata` package that is installed."""

    release = str(tzdata.IANA_VERSION)

    def names(self) -> Iterable[str]:
        listed = resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()
        return frozenset(listed) - {"Factory"}

    def read(self, zone: str) -> bytes:
        return resources.files("tzdata.zoneinfo").joinpath(*zone.split("/")).read_bytes()


@contextmanager
def following(source: Source) -> Iterator[None]:
    """Within this block the rules come from `source`, in every thread: how a change of a State's rules is tried."""
    book = _Book(source)
    _BOOKS.append(book)
    try:
        yield
    finally:
        _BOOKS.remove(book)


class _Book:
    """A source, each zone of which is read once."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._read: dict[str, ZoneInfo] = {}

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset(self.source.names())

    def rules(self, zone: str) -> ZoneInfo:
        if zone not in self.names:
            raise UnknownZone(zone=repr(zone if len(zone) <= _MOST_SHOWN else f"{zone[:_MOST_SHOWN]}…"))
        if zone not in self._read:
            self._read[zone] = ZoneInfo.from_file(BytesIO(self.source.read(zone)), key=zone)
        return self._read[zone]


_BOOKS = [_Book(Package())]
"""The last one counts."""


def _book() -> _Book:
    return _BOOKS[-1]


def _change_between(low: datetime, high: datetime, rules: ZoneInfo) -> datetime:
    """The first second (UTC) after `low`, up to `high`, with the offset that `high` has."""
    wanted = high.astimezone(rules).utcoffset()
    seconds = _first(
        int((high - low).total_seconds()),
        lambda n: (low + timedelta(seconds=n)).astimezone(rules).utcoffset() == wanted,
    )
    return low + timedelta(seconds=seconds)


def _first(limit: int, holds: Callable[[int], bool]) -> int:
    """The least n up to `limit` from which on `holds`; it must hold at `limit`."""
    low, high = 0, limit
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


@cache
def _signed(offset: timedelta) -> str:
    """Such as "+02:00"; with seconds only where a zone had them (before standard time)."""
    minutes, seconds = divmod(abs(int(offset.total_seconds())), 60)
    sign = "-" if offset < timedelta(0) else "+"
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}" + (f":{seconds:02}" if seconds else "")


def _day(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def _minute(wall: datetime) -> str:
    return f"{wall:%H:%M}"


def _moment(wall: datetime) -> str:
    return f"{_day(wall)}, {_minute(wall)}"
