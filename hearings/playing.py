"""What a copy for playing is made of: the same when it is made and when whoever verifies a record makes it again."""

from collections.abc import Callable, Iterable, Sequence
from typing import BinaryIO, NamedTuple

from hearings.events import GAP, TRACK

INTERPRETATION = "interpretation"


class Gap(NamedTuple):
    """A time without a track, in ms since 1970, half open."""

    track: str
    since: int
    until: int
    reason: str


class Making(NamedTuple):
    """The originals of a copy in the clear, by their tracks; `since`, `until`: of the stretch, in ms since 1970; `marks`:
    what is missing, in ms after `since`.
    """

    originals: Sequence[tuple[str, BinaryIO]]
    since: int
    until: int
    marks: Sequence[tuple[int, int, str]]


Derive = Callable[[Making], str]
"""Gives the SHA-256 of the copy."""


def copies_of(tracks: Iterable[str]) -> dict[str, list[str]]:
    """Which tracks make which copy, by its name without stretch: a person's sound and picture together, each
    interpretation by itself.
    """
    grouped: dict[str, list[str]] = {}
    for track in sorted(tracks):
        handle, _, kind = track.partition("-")
        grouped.setdefault(track if kind == INTERPRETATION else handle, []).append(track)
    return grouped


def marks_of(
    gaps: Iterable[Gap], tracks: Iterable[str], *, since: int, until: int
) -> list[tuple[int, int, str]]:
    """What is missing of these tracks between these ms since 1970."""
    wanted = frozenset(tracks)
    return [
        (gap.since - since, gap.until - since, _words(gap))
        for gap in gaps
        if gap.track in wanted and since <= gap.since and gap.until <= until
    ]


def _words(gap: Gap) -> str:
    kind = gap.track.partition("-")[2]
    return f"{TRACK.get(kind, kind)}: {GAP.get(gap.reason, gap.reason)}"
