"""What is counted of a stream between two looks: bytes, loss for good, jitter, frames, standstills, interruptions.

A frame is a marker bit. A picture **stands still** when a frame comes later than three times the usual interval, and
150 ms, after the last one (as browsers count freezes). A sound is **interrupted** when nothing comes for 400 ms.
"""

from dataclasses import dataclass

from media.reception import Reception
from media.score import FREEZE_MORE, FREEZE_TIMES, INTERRUPTED_SECONDS

FRAMES_AVERAGED = 16


@dataclass(frozen=True, slots=True)
class Count:
    """Of some seconds. `expected` and `lost` packets, `octets`; `jitter` in ms; times in s."""

    seconds: float
    expected: int
    lost: int
    octets: int
    jitter: float
    frames: int
    stops: int
    stopped: float

    @property
    def lost_share(self) -> float:
        """Per cent."""
        return 100 * self.lost / self.expected if self.expected else 0.0


class Tally:
    """Of one stream. `stops` are standstills of a picture, interruptions of a sound."""

    def __init__(self, reception: Reception, *, pictures: bool) -> None:
        self._reception = reception
        self._pictures = pictures
        self._octets = 0
        self._frames = 0
        self._stops = 0
        self._stopped = 0.0
        self._last: float | None = None
        self._told: float | None = None  # up to when the present stop is counted
        self._interval = 0.0
        self._looked = (0, 0)

    def packet(self, size: int, marker: int, now: float) -> None:
        self._octets += size
        if marker or not self._pictures:
            self._frame(now)

    def pause(self) -> None:
        """It is not sent for a while, on purpose: that is neither standstill nor interruption."""
        self._last = self._told = None

    def look(self, seconds: float, now: float) -> Count:
        """Since the last look, `seconds` ago; a stop that lasts counts up to `now`."""
        if self._last is not None and now - self._last > self._most:
            self._stop(self._last, now)
        expected, came = self._reception.totals()
        before, self._looked = self._looked, (expected, came)
        if expected < before[0]:
            before = (0, 0)
        asked = expected - before[0]
        count = Count(
            seconds=seconds,
            expected=asked,
            lost=min(asked, max(0, asked - (came - before[1]))),
            octets=self._octets,
            jitter=self._reception.jitter_ms,
            frames=self._frames,
            stops=self._stops,
            stopped=self._stopped,
        )
        self._octets = self._frames = self._stops = 0
        self._stopped = 0.0
        return count

    @property
    def _most(self) -> float:
        """How long after the last frame the next one may come."""
        if not self._pictures:
            return INTERRUPTED_SECONDS
        return max(FREEZE_TIMES * self._interval, self._interval + FREEZE_MORE)

    def _frame(self, now: float) -> None:
        self._frames += 1
        last, self._last = self._last, now
        if last is None:
            return
        interval = now - last
        if interval > self._most and (self._interval or not self._pictures):
            self._stop(last, now)
        self._told = None
        self._interval += (interval - self._interval) / (FRAMES_AVERAGED if self._interval else 1)

    def _stop(self, since: float, now: float) -> None:
        if self._told is None:
            self._stops += 1
        self._stopped += now - (since if self._told is None else self._told)
        self._told = now
