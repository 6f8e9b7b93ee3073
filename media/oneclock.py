"""One clock for all that was recorded: RTP times taken to the clock of the machine that received them.

A sender's reports say which RTP time of each of its streams was which NTP time of its own clock (RFC 3550 section
6.4.1); when they arrived says how far that clock is from ours, and the report that travelled fastest within half a
minute says it best. So sound and picture of a person, whose reports come from one clock, stay together, and a clock
that runs fast or slow is followed. Where there is no line from one report to the next, how the clock runs is told by
when its packets came: before the first and after the last, and where an RTP clock stood still, as that of a browser's
sound does while its microphone is changed. What no report covers, or what reports would put half a second away from
where its packets came, is placed by when the packets came.

Whole numbers only, of microseconds: the same packets give the same times everywhere.
"""

from bisect import bisect_right
from typing import NamedTuple

BUCKET = 500_000  # µs
REACH = 60  # buckets to either side
LASTING = 10  # buckets in which something was told
RISEN = 60_000  # µs
FARTHEST = 500_000  # µs between what reports and what arrivals say
STRAY = 100  # reports of one line differ by less than a part in so many of the time between them


class Fastest:
    """The smallest value told within half a minute of a moment; `at` and values in µs.

    Of the moments since the values have last risen for good, and until they rise again: then the clock stood still.
    """

    def __init__(self) -> None:
        self._least: dict[int, int] = {}
        self._around: dict[int, int] = {}
        self._rises: list[int] = []

    def told(self, at: int, value: int) -> None:
        bucket = at // BUCKET
        self._least[bucket] = min(value, self._least.get(bucket, value))
        self._around.clear()

    def near(self, at: int) -> int | None:
        """None if nothing was ever told; if nothing was told around this moment, what was told nearest to it."""
        bucket = at // BUCKET
        if self._least and bucket not in self._around:
            if not self._around:
                self._rises = _rises(self._least)
            self._around[bucket] = self._found(bucket)
        return self._around.get(bucket)

    def _found(self, bucket: int) -> int:
        era = bisect_right(self._rises, bucket)
        since = max(self._rises[era - 1] if era else 0, bucket - REACH)
        until = min(self._rises[era] - 1 if era < len(self._rises) else bucket + REACH, bucket + REACH)
        found = [self._least[each] for each in range(since, until + 1) if each in self._least]
        if found:
            return min(found)
        return self._least[min(self._least, key=lambda each: (abs(each - bucket), each))]


def _rises(least: dict[int, int]) -> list[int]:
    """The buckets from which on the values are higher than shortly before, and stay so for some time."""
    buckets = sorted(least)
    values = [least[bucket] for bucket in buckets]
    rises: list[int] = []
    since = 0
    for n in range(1, len(values) - LASTING + 1):
        before = values[max(since, n - LASTING) : n]
        if values[n] > min(before) + RISEN and min(values[n : n + LASTING]) > min(before) + RISEN:
            rises.append(buckets[n])
            since = n
    return rises


class _Report(NamedTuple):
    """`at`: when it came."""

    at: int
    rtp: int
    ntp: int


class StreamClock:
    """One SSRC. `rate`: ticks a second; `sender`: how far the clock of whoever sends it is from ours, told by the
    reports of all their streams. RTP times are unwrapped: they rise beyond 32 bits.
    """

    def __init__(self, rate: int, sender: Fastest) -> None:
        self._rate = rate
        self._sender = sender
        self._came = Fastest()
        self._reports: list[_Report] = []
        self._stray: _Report | None = None

    def packet(self, rtp: int, at: int) -> None:
        """A packet of this RTP time came `at` this moment."""
        self._came.told(at, at - self._micros(rtp))

    def report(self, rtp: int, ntp: int, at: int) -> None:
        """A report that came `at` this moment: `ntp`, in µs since 1970 of the sender's clock, was `rtp`.

        One that is on no line with the one before it counts once the next one is on a line with it.
        """
        report = _Report(at, rtp, ntp)
        if self._reports and not self._in_line(self._reports[-1], report):
            before, self._stray = self._stray, report
            if before is None or not self._in_line(before, report):
                return
            self._note(before)
        self._stray = None
        self._note(report)

    def at(self, rtp: int, came: int) -> int:
        """When, by our clock, what has this RTP time was sent; it came at about `came`. All packets and reports of the
        sender must have been told before.
        """
        base = self._came.near(came)
        by_arrival = came if base is None else base + self._micros(rtp)
        by_report = min(self._reported(rtp, came), key=lambda at: abs(at - by_arrival), default=by_arrival)
        return by_report if abs(by_report - by_arrival) <= FARTHEST else by_arrival

    def _note(self, report: _Report) -> None:
        self._reports.append(report)
        self._sender.told(report.at, report.at - report.ntp)

    def _in_line(self, one: _Report, other: _Report) -> bool:
        ran, should = other.ntp - one.ntp, self._micros(other.rtp - one.rtp)
        return should > 0 and abs(ran - should) <= should // STRAY + 1000

    def _reported(self, rtp: int, came: int) -> list[int]:
        """By the line of the two reports between which it came, if there is one; else by either."""
        after = bisect_right(self._reports, came, key=lambda report: report.at)
        around = self._reports[max(0, after - 1) : after + 1]
        if len(around) == 2 and self._in_line(*around):
            offset = self._sender.near(came)
            since, until = around
            ran = (rtp - since.rtp) * (until.ntp - since.ntp) // (until.rtp - since.rtp)
            return [] if offset is None else [since.ntp + ran + offset]
        return [self._beyond(report, rtp, came) for report in around]

    def _beyond(self, report: _Report, rtp: int, came: int) -> int:
        offset, then, now = self._sender.near(report.at), self._came.near(report.at), self._came.near(came)
        assert offset is not None
        changed = 0 if then is None or now is None else now - then
        return report.ntp + offset + self._micros(rtp - report.rtp) + changed

    def _micros(self, ticks: int) -> int:
        return ticks * 1_000_000 // self._rate
