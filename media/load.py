"""How busy the event loop of this process is, and whether it can take on more.

Busy is the share of its time that the loop works: what it worked, of what it worked and waited. Time in which the
machine let others run counts for neither, so that a worker that shares its core and always finds something to do is
full, and one that has little to do is not, whatever else runs beside it.

Measured on two cores that others used as well, sound and picture of 2 to 24 people forwarded to 10 to 22 listeners
each: up to 0.66, 95 % of the sound came within 120 ms; from 0.71 to 0.85, within 325 to 555 ms; at 0.92 half of it
took 450 ms; at 1 it came up to seconds late, and up to three quarters of it never. `FULL` lies before that, with room
for those who are taken all the same.
"""

import selectors
import time
from collections import deque
from collections.abc import Callable
from typing import Any

WINDOW = 5  # samples, one a second
FULL = 0.7
FULL_SAMPLES = 3


class Waits(selectors.DefaultSelector):
    """A selector for an event loop that keeps account of the time it waits (`seconds`)."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, Any]]:
        if timeout is not None and timeout <= 0:  # it has work, and only looks what else has come
            return super().select(timeout)
        began = time.perf_counter()
        try:
            return super().select(timeout)
        finally:
            self.seconds += time.perf_counter() - began


class Meter:
    """`worked`: seconds of processor time of the loop's thread, `waited`: seconds that the loop has waited, both
    since it began. Sample it once a second, on the loop; the first sample begins.
    """

    def __init__(
        self, waited: Callable[[], float], *, worked: Callable[[], float] = time.thread_time
    ) -> None:
        self._waited = waited
        self._worked = worked
        self._last: tuple[float, float] | None = None
        self._shares: deque[float] = deque(maxlen=WINDOW)

    def sample(self) -> None:
        before, self._last = self._last, (self._worked(), self._waited())
        if before is not None:
            worked, waited = self._last[0] - before[0], self._last[1] - before[1]
            self._shares.append(worked / (worked + waited) if worked > 0 else 0.0)

    @property
    def busy(self) -> float:
        """The share of the last seconds, 0 to 1."""
        return sum(self._shares) / len(self._shares) if self._shares else 0.0

    @property
    def full(self) -> bool:
        """Whether most of the last seconds were beyond the limit; one busy second fills nothing."""
        return sum(share > FULL for share in self._shares) >= FULL_SAMPLES
