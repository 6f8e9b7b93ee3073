"""What the way to one listener bears: measured, not guessed.

Packets of pictures carry a number for the whole connection, and the browser reports when each arrived
(draft-holmer-rmcat-transport-wide-cc-extensions-01). From that: the rate that really arrives, and how long packets
stand in a queue on the way, as their one-way delay above the smallest seen lately; clocks need not agree.

- What has arrived without a standing queue is **proven**. It grows by being used, and by probes: retransmissions
  that the listener does not need, sent for a moment at the rate of the next better picture.
- An **outage**, all lost for most of a second, says nothing: what was proven before still is.
- A queue that stands, or one packet lost in ten, is **congestion**: what is proven falls to 0.85 of what arrives,
  and nothing better is tried for a while, each time twice as long if the last try failed too.

Chromium's own estimate (REMB) is right below a bottleneck, but climbs by 8 % a second from some 120 kb/s on a free
way: half a minute until the high layer. It is taken where a listener gives nothing better. Who gives nothing at all
is taken to bear everything, until their reports tell of loss.

No I/O: every call is told the time, in seconds. Rates are bit/s.
"""

import itertools
import struct
from collections import deque

from media.rtcp import Arrivals

START = 600_000.0
LARGEST = 100_000_000.0
SMALLEST = 30_000.0
PROBED = 1.1  # times what the better picture costs
LOG = 4096  # packets, as long as a report may take
WINDOW = 0.5  # of the rate that arrives, and of a queue that stands
STANDING = 0.1  # s
OUTAGE = 0.8  # s without a report
LOST = 0.1
FEW = 5  # packets: so many lost say nothing, for one of a slide that hardly changes may be a tenth
REPORTED = 3.0  # s of receiver reports
BACK_TO = 0.85
STEEPEST = 2.0  # times less, at most, in a second: what arrives may be little because little was sent
FIRST_HOLD, LONGEST_HOLD = 4.0, 60.0
FAILED_WITHIN = 8.0  # congestion so soon after a climb is its fault
BASE_SECONDS = 10.0
PROBE_SECONDS = 4.0  # at most, for a step
REPEATS_SHARE = 0.25  # of what is borne, at most, for packets asked for again

_NUMBER = struct.Struct("!H").pack


class Downlink:
    """One for each connection that receives."""

    def __init__(self) -> None:
        self._log: list[tuple[int, float, int] | None] = [None] * LOG
        self._count = itertools.count(1)
        self.proven = LARGEST
        self.congested_at = float("-inf")
        self.spent = 0.0  # bit/s of the pictures that are given
        self._short: float | None = None
        self._measured = self._estimated = False
        self._arrived: deque[tuple[float, int]] = deque(maxlen=LOG)
        self._queues: deque[tuple[float, float]] = deque()
        self._losses: deque[tuple[float, int, int]] = deque()
        self._base = _Smallest()
        self._told_at = self._whole_since = float("-inf")
        self._hold_until = float("-inf")
        self._hold = FIRST_HOLD
        self._climbed_at = float("-inf")
        self._probing_since: float | None = None
        self._repeated: tuple[float, float] = (float("-inf"), 0.0)

    def measures(self) -> None:
        """The listener will report arrivals: begins with what every way should bear."""
        self._measured = True
        self.proven = START

    def numbered(self, now: float, size: int) -> bytes:
        """The next number of the connection, for a packet of so many bytes that is sent now."""
        number = next(self._count)
        self._log[number % LOG] = (number, now, size)
        return _NUMBER(number & 0xFFFF)

    # --- what is told ------------------------------------------------------------------------------

    def arrivals(self, told: Arrivals, now: float) -> None:
        """A report of when which packets arrived."""
        if now - self._told_at > OUTAGE:
            self._begin_anew(now)
        self._told_at = now
        delays = []
        lost = 0
        newest = 0.0
        for sequence, at in told.packets:
            sent = self._log[sequence % LOG]
            if sent is None or sent[0] & 0xFFFF != sequence or now - sent[1] > LOG / 100:
                continue
            if at is None:
                lost += sent[1] > self._whole_since
                continue
            self._log[sequence % LOG] = None
            delays.append(at - sent[1])
            self._arrived.append((at, sent[2]))
            newest = max(newest, at)
        if not delays and not lost:
            return
        share = self._lost(len(delays), lost, now, seconds=2 * WINDOW)
        if delays:
            while self._arrived and newest - self._arrived[0][0] > WINDOW:
                self._arrived.popleft()
            self._queues.append((now, min(delays) - self._base.told(min(delays), now)))
            while now - self._queues[0][0] > WINDOW:
                self._queues.popleft()
        self._judge(share, now)

    def _lost(self, arrived: int, lost: int, now: float, *, seconds: float) -> float:
        """The share lost of these packets and those of the last seconds; 0 of so few that it says nothing."""
        self._losses.append((now, arrived, lost))
        while now - self._losses[0][0] > seconds:
            self._losses.popleft()
        lost = sum(missing for _, _, missing in self._losses)
        total = lost + sum(received for _, received, _ in self._losses)
        return lost / total if lost > FEW else 0.0

    def _begin_anew(self, now: float) -> None:
        """Nothing was reported for a while: the way was not there, and what was lost then says nothing of its width."""
        self._whole_since = now
        self._arrived.clear()
        self._queues.clear()
        self._losses.clear()
        self._base = _Smallest()

    def estimate(self, bitrate: float, now: float) -> None:
        """The listener's own estimate (REMB), of one that reports no arrivals."""
        if self._measured:
            return
        self._estimated = True
        if bitrate < BACK_TO * self.proven:
            self._congestion(now)
        self.proven = min(LARGEST, max(SMALLEST, bitrate))

    def loss(self, expected: int, lost: int, now: float) -> None:
        """From a receiver report about a picture, of a listener that reports no arrivals: packets since the last one."""
        if self._measured:
            return
        share = self._lost(expected - lost, lost, now, seconds=REPORTED)
        if share > LOST and now - self.congested_at > 2 * WINDOW:
            self._congestion(now)
            self.proven = max(SMALLEST, min(self.proven, self.spent) * (1 - share))
            self._losses.clear()

    # --- what follows ------------------------------------------------------------------------------

    @property
    def arriving(self) -> float:
        """The rate that arrived in the last half second that was reported."""
        if len(self._arrived) < 2:
            return 0.0
        return 8 * sum(size for _, size in self._arrived) / WINDOW

    def may_climb(self, now: float) -> bool:
        """Whether something better may be tried now."""
        return now >= self._hold_until

    def climbed(self, now: float) -> None:
        """Something better is being sent from now on."""
        self._climbed_at = now

    def probes(self, short: float | None, spent: float, now: float) -> float:
        """The rate of probes to send now, where a better picture costs `short` and those given cost `spent`."""
        self.spent, self._short = spent, short
        if not self._measured and not self._estimated:
            self.nothing_to_probe_with(now)
        if not self._measured or short is None or not self.may_climb(now):
            self._probing_since = None
            return 0.0
        if self._probing_since is None:
            self._probing_since = self._climbed_at = now
        elif now - self._probing_since > PROBE_SECONDS:
            self._hold_until = now + self._hold
        return max(0.0, min(PROBED * short, 2 * self.proven) - spent)

    def nothing_to_probe_with(self, now: float) -> None:
        """The better picture itself must be the probe."""
        if self._short is not None and self.may_climb(now):
            self.proven = max(self.proven, self._short)

    def may_repeat(self, now: float) -> bool:
        """Whether a packet may be sent again: repetitions must not fill a way that is full."""
        since, spent = self._repeated
        if now - since >= 1.0:
            self._repeated = since, spent = now, 0.0
        return spent < max(SMALLEST, REPEATS_SHARE * self.proven)

    def repeats(self, size: int) -> None:
        """A packet of so many bytes is sent again."""
        since, spent = self._repeated
        self._repeated = since, spent + 8 * size

    def _judge(self, lost: float, now: float) -> None:
        stands = (
            self._queues
            and self._queues[-1][0] - self._queues[0][0] > 0.7 * WINDOW
            and min(queue for _, queue in self._queues) > STANDING
        )
        if stands or lost > LOST:
            if now - self.congested_at > 2 * WINDOW:
                self._congestion(now)
                least = max(SMALLEST, self.proven / STEEPEST)
                self.proven = max(least, min(self.proven, BACK_TO * self.arriving))
                self._queues.clear()
        elif now - self.congested_at > 2 * WINDOW:
            self.proven = min(LARGEST, max(self.proven, self.arriving))

    def _congestion(self, now: float) -> None:
        if self.congested_at < self._climbed_at and now - self._climbed_at < FAILED_WITHIN:
            self._hold = min(LONGEST_HOLD, 2 * self._hold)
        elif now - self.congested_at > LONGEST_HOLD:
            self._hold = FIRST_HOLD
        self.congested_at = now
        self._hold_until = now + self._hold


class _Smallest:
    """The smallest value of the last ten to twenty seconds."""

    def __init__(self) -> None:
        self._before = self._current = float("inf")
        self._since = float("-inf")

    def told(self, value: float, now: float) -> float:
        if now - self._since > BASE_SECONDS:
            self._before, self._current, self._since = self._current, float("inf"), now
        self._current = min(self._current, value)
        return min(self._before, self._current)
