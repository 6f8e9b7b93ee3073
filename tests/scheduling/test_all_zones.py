"""Every zone of the installed data, every change of its clocks from 2000 to 2040, minute by minute.

What is expected is computed from the zone files themselves (`rules`). Names that share a file (links) share its rules:
each file is tried once. At every change of every file the minutes on both sides of both its edges are tried; and for each
of them that differs from others in more than its date, every minute from well before to well after it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduling.zones import AmbiguousTime, MissingTime, Package, instant_of, names, on_clock
from tests.scheduling.rules import Change, changes
from tests.scheduling.test_zones import readings

FIRST, LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2041, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
APART = timedelta(days=2)
Known = dict[str, list[Change]]


@pytest.fixture(scope="module")
def known() -> Known:
    """The changes of each zone file, under one of its names."""
    package, files = Package(), dict[bytes, str]()
    for name in sorted(package.names()):
        files.setdefault(package.read(name), name)
    return {name: list(changes(rules, FIRST, LAST)) for rules, name in files.items()}


def wrong(wall: datetime, zone: str, change: Change) -> list[str]:
    """What `instant_of` says otherwise than it must of a wall time near a change. A list, for `assert` is slow."""
    utc = wall.replace(tzinfo=UTC)
    before, after = utc - change.before, utc - change.after
    due = [*([before] if before < change.at else []), *([after] if after >= change.at else [])]
    try:
        told: object = instant_of(wall, zone)
    except MissingTime as refused:
        told = (refused.before, refused.after)
    except AmbiguousTime as refused:
        told = [refused.earlier, refused.later, *(instant_of(wall, zone, fold=one) for one in FOLDS)]
    expected: object = due[0] if len(due) == 1 else [*due, *due]
    if not due:
        at = change.at.replace(tzinfo=None)
        expected = (at - MINUTE + change.before, at + change.after)
    return [] if told == expected else [f"{wall} {zone}: {told}, not {expected}"]


FOLDS = ("earlier", "later")


def edges(change: Change) -> Iterator[datetime]:
    """The minutes on both sides of both ends of what is skipped or repeated, and the middle."""
    at = change.at.replace(tzinfo=None)
    ends = sorted((at + change.before, at + change.after))
    for end in ends:
        yield from (end - 2 * MINUTE, end - MINUTE, end, end + MINUTE)
    yield (ends[0] + (ends[1] - ends[0]) / 2).replace(second=0)


def every_minute(change: Change) -> Iterator[datetime]:
    at = change.at.replace(tzinfo=None)
    low, high = sorted((at + change.before, at + change.after))
    wall = low - 20 * MINUTE
    while wall < high + 20 * MINUTE:
        yield wall
        wall += MINUTE


def test_the_files_tell_of_thousands_of_changes_far_enough_apart_to_be_tried_one_by_one(known: Known) -> None:
    assert sum(len(of) for of in known.values()) > 10_000
    assert max(change.at for of in known.values() for change in of).year == 2040
    pairs = chain.from_iterable(pairwise(of) for of in known.values())
    assert all(later.at - earlier.at > APART for earlier, later in pairs)


def test_every_wall_time_round_trips_or_is_missing_or_comes_twice_at_the_edges_of_every_change(
    known: Known,
) -> None:
    found = [
        fault
        for zone, of in known.items()
        for change in of
        for wall in edges(change)
        for fault in wrong(wall, zone, change)
    ]
    assert found == []


def test_and_at_every_minute_around_each_kind_of_change(known: Known) -> None:
    alike = {
        (change.at.time(), change.before, change.after): (change, zone)
        for zone, of in known.items()
        for change in of
    }
    tried = found = 0
    for change, zone in alike.values():
        for wall in every_minute(change):
            tried += 1
            found += len(wrong(wall, zone, change))
    assert found == 0
    assert tried > 15_000


walls = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2040, 12, 31, 23, 59))  # noqa: DTZ001
zones = st.sampled_from(sorted(names()))


@settings(max_examples=300)
@given(walls, zones)
def test_everywhere_else_too(wall: datetime, zone: str) -> None:
    match readings(wall, zone):
        case []:
            with pytest.raises(MissingTime):
                instant_of(wall, zone)
        case [only]:
            assert instant_of(wall, zone) == only
            shown = on_clock(only, zone)
            assert datetime.combine(shown.date, shown.time) == wall
        case [earlier, later]:
            with pytest.raises(AmbiguousTime) as refused:
                instant_of(wall, zone)
            assert (refused.value.earlier, refused.value.later) == (earlier, later)
