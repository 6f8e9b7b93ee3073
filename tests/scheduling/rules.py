"""Rules of zones for tests: read from their files without the library under test, and changed as States change them."""

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import pairwise
from zoneinfo import ZoneInfo

from scheduling.zones import Package

_HEAD = struct.Struct(">4sc15x6l")
_EPOCH, _EARLIEST = datetime(1970, 1, 1, tzinfo=UTC), -(2**33)  # some files begin with the beginning of time
_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class OtherRules:
    """A release in which the clocks of some zones go as those of others do: `{"Europe/Lisbon": "Europe/Madrid"}`."""

    like: Mapping[str, str]
    release: str = "2099z"

    def names(self) -> Iterable[str]:
        return Package().names()

    def read(self, zone: str) -> bytes:
        return Package().read(self.like.get(zone, zone))


@dataclass(frozen=True)
class Change:
    """Until `at` (UTC) clocks are `before` from UTC, from then on `after`."""

    at: datetime
    before: timedelta
    after: timedelta


def changes(rules: bytes, first: datetime, last: datetime) -> Iterator[Change]:
    """Every change of the offset in `first` … `last` (UTC): by the transitions that the file lists (RFC 9636, 3.2), and
    after these, where a rule in its foot goes on, by asking each week anew: such a rule changes twice a year.
    """
    listed = _transitions(rules)
    for (_, before), (at, after) in pairwise(listed):
        if first <= at < last and before != after:
            yield Change(at, before, after)
    if b"," not in rules.splitlines()[-1]:
        return
    zone = ZoneInfo.from_file(BytesIO(rules))
    low = max(first, listed[-1][0]) if listed else first
    before = _offset(low, zone)
    while low < last:
        high = min(low + _WEEK, last)
        after = _offset(high, zone)
        if before != after:
            yield Change(_between(low, high, zone), before, after)
        low, before = high, after


def _transitions(rules: bytes) -> list[tuple[datetime, timedelta]]:
    """When, and the offset from then on; of the part with times of 64 bits, which follows that with 32."""
    at = _HEAD.size + _size(rules, 0)
    *_, times, types, _ = _HEAD.unpack_from(rules, at)
    at += _HEAD.size
    moments = struct.unpack_from(f">{times}q", rules, at)
    indices = rules[at + 8 * times : at + 9 * times]
    offsets = [struct.unpack_from(">l", rules, at + 9 * times + 6 * n)[0] for n in range(types)]
    return [
        (_EPOCH + timedelta(seconds=moment), timedelta(seconds=offsets[index]))
        for moment, index in zip(moments, indices, strict=True)
        if moment >= _EARLIEST
    ]


def _size(rules: bytes, at: int) -> int:
    """Of the part of 32 bits, without its head."""
    isut, isstd, leap, times, types, chars = _HEAD.unpack_from(rules, at)[2:]
    return times * 5 + types * 6 + chars + leap * 8 + isstd + isut


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    offset = moment.astimezone(zone).utcoffset()
    assert offset is not None
    return offset


def _between(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    wanted = _offset(high, zone)
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        low, high = (low, middle) if _offset(middle, zone) == wanted else (middle, high)
    return high.replace(microsecond=0)
