"""One clock for all that was recorded: RTP times taken to the clock of the machine that received them.

A sender's reports say which RTP time of each of its streams was which NTP time of its own clock (RFC 3550 section
6.4.1); when they arrived says how far that clock is from ours, and the report that travelled fastest within half a
minute says it best. So sound and picture of a person, whose reports come from one clock, stay together, and a clock
that runs fast or slow is followed. What no report covers, or what reports would put half a second away from where its
packets came, is placed by when the packets came.

Whole numbers only, of microseconds: the same packets give the same times everywhere.
"""

from bisect import bisect_right

BUCKET = 5_000_000  # µs
REACH = 6  # buckets to either side
FARTHEST = 500_000  # µs between what reports and what arrivals say
STRAY = 100  # a report is left out if the clock would have run by a part in so many off


class Fastest:
    """The smallest value told within half a minute of a moment; `at` and values in µs."""

    def __init__(self) -> None:
        self._least: dict[int, int] = {}
        self._around: dict[int, int] = {}

    def told(self, at: int, value: int) -> None:
        bucket = at // BUCKET
        self._least[bucket] = min(value, self._least.get(bucket, value))
        self._around.clear()

    def near(self, at: int) -> int | None:
        """None if nothing was ever told; if nothing was told around this moment, what was told nearest to it."""
        bucket = at // BUCKET
        if bucket not in self._around and self._least:
            found = [
                self._least[each] for each in range(bucket - REACH, bucket + REACH + 1) if each in self._least
            ]
            self._around[bucket] = min(found) if found else self._least[self._nearest(bucket)]
        return self._around.get(bucket)

    def _nearest(self, bucket: int) -> int:
        return min(self._least, key=lambda each: (abs(each - bucket), each))


class StreamClock:
    """One SSRC. `rate`: ticks a second; `sender`: how far the clock of whoever sends it is from ours, told by the
    reports of all their streams. RTP times are unwrapped: they rise beyond 32 bits.
    """

    def __init__(self, rate: int, sender: Fastest) -> None:
        self._rate = rate
        self._sender = sender
        self._came = Fastest()
        self._rtp: list[int] = []
        self._ntp: list[int] = []
        self._told: list[int] = []  # when the reports came

    def packet(self, rtp: int, at: int) -> None:
        """A packet of this RTP time came `at` this moment."""
        self._came.told(at, at - self._micros(rtp))

    def report(self, rtp: int, ntp: int, at: int) -> None:
        """A report that came `at` this moment: `ntp`, in µs since 1970 of the sender's clock, was `rtp`."""
        if self._rtp:
            ran, should = ntp - self._ntp[-1], self._micros(rtp - self._rtp[-1])
            if should <= 0 or abs(ran - should) > should // STRAY + 1000:
                return
        self._rtp.append(rtp)
        self._ntp.append(ntp)
        self._told.append(at)
        self._sender.told(at, at - ntp)

    def at(self, rtp: int, came: int) -> int:
        """When, by our clock, what has this RTP time was sent; it came at about `came`. All packets and reports of the
        sender must have been told before.
        """
        base = self._came.near(came)
        by_arrival = came if base is None else base + self._micros(rtp)
        by_report = self._reported(rtp, came)
        if by_report is None or abs(by_report - by_arrival) > FARTHEST:
            return by_arrival
        return by_report

    def _reported(self, rtp: int, came: int) -> int | None:
        after = bisect_right(self._rtp, rtp)
        if 0 < after < len(self._rtp):
            offset = self._sender.near(came)
            since, until = self._rtp[after - 1], self._rtp[after]
            ran = self._ntp[after] - self._ntp[after - 1]
            between = self._ntp[after - 1] + (rtp - since) * ran // (until - since)
            return None if offset is None else between + offset
        if not self._rtp:
            return None
        nearest = max(0, after - 1)
        return self._beyond(rtp - self._rtp[nearest], came, nearest)

    def _beyond(self, ticks: int, came: int, nearest: int) -> int | None:
        """So many ticks from a report, with no further one on that side."""
        then = self._told[nearest]
        offset = self._sender.near(then)
        before, now = self._came.near(then), self._came.near(came)
        if offset is None or before is None or now is None:
            return None
        return self._ntp[nearest] + offset + self._micros(ticks) + now - before

    def _micros(self, ticks: int) -> int:
        return ticks * 1_000_000 // self._rate
