"""The account of a track's time: which of it was kept, which is a gap, and why. No clock, no disk.

Segments and gaps tile a stretch `[since, until)` to the millisecond, without overlap. Media (RTP) makes a
segment; RTCP is kept with it and never makes one by itself. A segment is `SEGMENT` ms, less only before a
gap or the end; each has media in it. More than `SILENCE` without media is a gap, from the millisecond after
the last packet to that of the next, divided where the reason changes. What is decided does not depend on
when it was asked.

Times named `_us` are microseconds, all others milliseconds, since 1970-01-01T00:00:00Z.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from media.pcapng import Packet

SEGMENT = 2000  # ms
SILENCE = 1000  # ms
PUT_BY = 500  # ms into a segment, after which what is in hand of it is put by
_SILENCE_US = SILENCE * 1000
_ALIVE_US = _SILENCE_US // 2  # so long into a silence the peer's other track must have been heard

NOT_JOINED, CONNECTION_LOST, NOT_SENT = "not-joined", "connection-lost", "not-sent"
RECORDER_FAILED, RECORDER_RESTARTED = "recorder-failed", "recorder-restarted"


class Span(NamedTuple):
    """Half open, in milliseconds."""

    since: int
    until: int


class Tile(NamedTuple):
    """A segment with its packets, or a gap with its reason."""

    span: Span
    packets: list[Packet]
    reason: str | None = None


def next_span(
    frontier: int, last_us: int | None, media_us: Sequence[int], *, horizon: int, end: int | None = None
) -> tuple[Span, bool] | None:
    """What begins at `frontier`: its span and whether it is a segment; None if that is not decided yet.

    `last_us`: the last media before the frontier; `media_us`: the media from it on, rising, of which all
    before `horizon` is in hand. `end`: where the stretch ends; then everything before it is decided.
    """
    if end is not None:
        media_us = [at for at in media_us if at < end * 1000]
        horizon = end
        if frontier >= end:
            return None
    if not media_us:
        return (Span(frontier, end), False) if end is not None else None
    first = media_us[0] // 1000
    if first > frontier and (last_us is None or media_us[0] - last_us > _SILENCE_US):
        return (Span(frontier, first), False) if first <= horizon else None
    stop, closed = _run_end(media_us, horizon)
    goal = frontier + SEGMENT if end is None else min(frontier + SEGMENT, end)
    if closed and stop <= goal:
        return (Span(frontier, stop), True) if stop <= horizon else None
    if end is not None or (stop > goal and goal <= horizon):
        return Span(frontier, goal), True
    return None


def _run_end(media_us: Sequence[int], horizon: int) -> tuple[int, bool]:
    """The millisecond after the last packet of the run that begins `media_us`, and whether it ends there."""
    for at, following in pairwise(media_us):
        if following - at > _SILENCE_US:
            return at // 1000 + 1, True
    return media_us[-1] // 1000 + 1, horizon * 1000 - media_us[-1] > _SILENCE_US


def holes(whole: Span, covered: Iterable[Span]) -> Iterator[Span]:
    """What of `whole` none of the `covered` spans covers, in order."""
    frontier = whole.since
    for span in [*sorted(covered), Span(whole.until, whole.until)]:
        end = min(span.since, whole.until)
        if end > frontier:
            yield Span(frontier, end)
        frontier = max(frontier, span.until)


def _split(span: Span, told: Sequence[tuple[int, str]]) -> Iterator[tuple[Span, str]]:
    """A gap in parts, one for each reason: each holds from when it was told, the first for all before too."""
    since, reason = span.since, told[0][1]
    for at, following in told[1:]:
        if since < at < span.until and following != reason:
            yield Span(since, at), reason
            since = at
        if at < span.until:
            reason = following
    yield Span(since, span.until), reason


class Timeline:
    """What came of one track in one stretch, until it is decided.

    `last_us`: the last media that came before `since`, or None.
    """

    def __init__(self, since: int, *, last_us: int | None) -> None:
        self.frontier = since
        self._since = since
        self._last_us = None if last_us is None else min(last_us, since * 1000 - 1)
        self._ever = last_us is not None
        self._horizon = since
        self._newest_us = since * 1000  # no packet is placed before it
        self._packets: list[Packet] = []
        self._media: list[int] = []
        self._broken = False  # somewhere in the media in hand is a silence
        self._told: list[tuple[int, str]] = []
        self._told_before: dict[int, list[tuple[int, str]]] = {}
        self._guess: str | None = None
        self._put_by: int | None = None  # the frontier of the last segment that was put by

    def take(self, packet: Packet) -> None:
        """A packet that came. A clock that steps back stands still here until it has caught up."""
        if packet.at_us < self._since * 1000 and not self._packets and self.frontier == self._since:
            self._before(packet)
            return
        at_us = packet.at_us
        if at_us < self._newest_us:
            at_us = self._newest_us
            packet = packet._replace(at_us=at_us)
        self._newest_us = at_us
        self._packets.append(packet)
        if not packet.rtcp:
            if self._told:
                self._told_before[at_us] = self._told
            self._told = []
            self._broken = self._broken or bool(self._media and at_us - self._media[-1] > _SILENCE_US)
            self._media.append(at_us)

    def absent(self, reason: str, *, at: int) -> None:
        """Why nothing comes from `at` on, until media comes again or another reason is told."""
        self._told.append((at, reason))

    def tiles(self, horizon: int, *, others_us: int | None = None, end: int | None = None) -> Iterator[Tile]:
        """What is decided now that everything before `horizon` came, or that the stretch ends at `end`.

        `others_us`: the newest media of the same peer's other tracks, which tells a silent camera from a
        lost connection.
        """
        self._horizon = max(self._horizon, horizon)
        self._newest_us = max(self._newest_us, self._horizon * 1000)
        if end is None and self._goes_on():
            return
        while decided := next_span(self.frontier, self._last_us, self._media, horizon=self._horizon, end=end):
            span, kept = decided
            if kept:
                yield self._segment(span)
            else:
                yield from self._gap(span, others_us)
        if not self._media and self._guess is None and self._horizon - self.frontier > SILENCE:
            self._guess = self._sibling_says(others_us)

    def under_way(self, now: int) -> Tile | None:
        """What is in hand of a segment that is not full, once for each, `PUT_BY` ms after it began: it would be a
        segment if nothing else came. None if there is nothing to put by.
        """
        if now < self.frontier + PUT_BY or self._put_by == self.frontier or not self._runs:
            return None
        self._put_by = self.frontier
        until = min(self._media[-1] // 1000 + 1, self.frontier + SEGMENT)
        return Tile(Span(self.frontier, until), [one for one in self._packets if one.at_us < until * 1000])

    @property
    def _runs(self) -> bool:
        """A segment is under way, with no silence in it."""
        media = self._media
        if not media or self._broken:
            return False
        begun = self._last_us is not None and media[0] - self._last_us <= _SILENCE_US
        return begun or media[0] // 1000 <= self.frontier

    def _goes_on(self) -> bool:
        """A segment is under way and not yet full: nothing can be decided. Told at once, because it is asked ten
        times a second.
        """
        if self._horizon >= self.frontier + SEGMENT or not self._runs:
            return False
        return self._horizon * 1000 - self._media[-1] <= _SILENCE_US

    def _before(self, packet: Packet) -> None:
        if not packet.rtcp:
            self._last_us, self._ever, self._told = packet.at_us, True, []

    def _segment(self, span: Span) -> Tile:
        packets = self._up_to(span.until)
        self._guess = None
        return Tile(span, packets)

    def _gap(self, span: Span, others_us: int | None) -> Iterator[Tile]:
        told = self._told_before.get(self._media[0], []) if self._media else self._told
        told = told or [(span.since, self._reason(span, others_us))]
        self._up_to(span.until)
        self._guess = None
        for part, reason in _split(span, told):
            yield Tile(part, [], reason)

    def _reason(self, span: Span, others_us: int | None) -> str:
        """Of a gap of which nobody told. What was seen when the silence began counts, if it was seen."""
        following = self._media[0] if self._media else span.until * 1000
        if self._last_us is not None and following - self._last_us <= _SILENCE_US:
            return NOT_SENT
        if self._ever:
            return self._guess or self._sibling_says(others_us)
        if self._media:
            return self._guess or NOT_JOINED
        return self._sibling_says(others_us)

    def _sibling_says(self, others_us: int | None) -> str:
        if others_us is not None and others_us > self.frontier * 1000 + _ALIVE_US:
            return NOT_SENT
        return CONNECTION_LOST if self._ever else NOT_JOINED

    def _up_to(self, until: int) -> list[Packet]:
        """Takes out the packets before `until` and moves the frontier there."""
        bound = until * 1000
        taken = [packet for packet in self._packets if packet.at_us < bound]
        past = [at for at in self._media if at < bound]
        del self._packets[: len(taken)]
        del self._media[: len(past)]
        if self._broken:
            self._broken = any(after - at > _SILENCE_US for at, after in pairwise(self._media))
        if past:
            self._last_us, self._ever = past[-1], True
            for at in past:
                self._told_before.pop(at, None)
        self.frontier = until
        self._newest_us = max(self._newest_us, until * 1000)
        return taken
