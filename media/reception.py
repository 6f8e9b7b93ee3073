"""What has arrived of one RTP stream: order, duplicates, loss, jitter, and what to ask for again.

RFC 3550 section 6.4.1 and appendix A for the figures, RFC 4585 section 6.2.1 for what is asked again. No
I/O and no clock: every call is told the time, in seconds.
"""

from media.adapter import RtcpReceiverInfo, clamp_packets_lost

WINDOW = 1024  # packets behind the newest that may still arrive, once each
LARGEST_JUMP = 3000  # RFC 3550's MAX_DROPOUT: a larger one is believed only when the next packet confirms it
REORDER_SECONDS = 0.02
ASK_AGAIN_SECONDS = 0.1
GIVE_UP_SECONDS = 1.0
LARGEST_GAPS = 256  # packets asked for at a time; beyond, only a key frame helps

_SEEN = (1 << WINDOW) - 1


class Reception:
    """`epoch` rises each time the sender begins a new sequence; indices compare only within an epoch."""

    def __init__(self, clock_rate: int, *, asks_again: bool) -> None:
        self.epoch = 0
        self.highest = -1  # the newest packet's index: its sequence number, unwrapped
        self._clock_rate = clock_rate
        self._asks_again = asks_again
        self._suspect = -1
        self._report: tuple[int, float] | None = None
        self._jitter = 0.0
        self._transit = 0.0
        self._received = self._repaired = 0
        self._before = 0
        self._expected_before = 0
        self._begin(0)

    def arrived(self, sequence: int, timestamp: int, now: float) -> int | None:
        """The packet's index, or None: a duplicate, too old, or a jump not yet confirmed."""
        index = self._placed(sequence)
        if index is not None:
            self._received += 1
            self._measure(timestamp, now)
            self._note(index, now)
        return index

    def repaired(self, sequence: int) -> int | None:
        """The same for a retransmission: it fills its gap, and counts neither as received nor for jitter."""
        delta = _signed(sequence - self.highest)
        if self.highest < 0 or not -WINDOW < delta <= 0 or self._seen >> -delta & 1:
            return None
        self._seen |= 1 << -delta
        self._gaps.pop(self.highest + delta, None)
        self._repaired += 1
        return self.highest + delta

    def totals(self) -> tuple[int, int]:
        """Packets expected so far, and those that came, repaired ones too; both begin anew with the sender."""
        return self.highest - self._base + 1, self._received + self._repaired

    @property
    def jitter_ms(self) -> float:
        """Interarrival jitter (RFC 3550 section 6.4.1), in milliseconds."""
        return 1000 * self._jitter / self._clock_rate

    def due(self, now: float) -> list[int]:
        """Sequence numbers to ask for now, in order. `gave_up` tells whether any is beyond hope."""
        asked = []
        for index, (found, last) in list(self._gaps.items()):
            if now - found >= GIVE_UP_SECONDS:
                del self._gaps[index]
                self._gave_up = True
            elif now - found >= REORDER_SECONDS and now - last >= ASK_AGAIN_SECONDS:
                self._gaps[index] = (found, now)
                asked.append(index)
        return [index & 0xFFFF for index in sorted(asked)]

    @property
    def waits(self) -> bool:
        """Something is missing that may still be asked for."""
        return bool(self._gaps)

    def gave_up(self) -> bool:
        """Since asked last, a packet was lost for good."""
        gave_up, self._gave_up = self._gave_up, False
        return gave_up

    def told(self, ntp: int, now: float) -> None:
        """A sender report of this stream arrived, with this 64-bit NTP time."""
        self._report = (ntp >> 16 & 0xFFFFFFFF, now)

    def report(self, ssrc: int, now: float) -> RtcpReceiverInfo:
        """The report block; the fraction lost is that since the last one."""
        expected = self.highest - self._base + 1
        lost = expected - self._received
        expected_since = expected - self._expected_before
        received_since = self._received - self._before
        self._expected_before = expected
        self._before = self._received
        lost_since = max(0, expected_since - received_since)
        fraction = min(255, lost_since * 256 // expected_since) if expected_since > 0 else 0
        lsr, dlsr = 0, 0
        if self._report is not None:
            lsr, dlsr = self._report[0], int((now - self._report[1]) * 65536) & 0xFFFFFFFF
        return RtcpReceiverInfo(
            ssrc=ssrc,
            fraction_lost=fraction,
            packets_lost=clamp_packets_lost(lost),
            highest_sequence=(self.highest - (self._base & ~0xFFFF)) & 0xFFFFFFFF,
            jitter=int(self._jitter) & 0xFFFFFFFF,
            lsr=lsr,
            dlsr=dlsr,
        )

    def _begin(self, sequence: int) -> None:
        self._base = 0x10000 + sequence
        self._seen = 0
        self._gaps: dict[int, tuple[float, float]] = {}
        self._gave_up = False
        self._received, self._before, self._expected_before = 0, 0, 0
        self._repaired = 0

    def _placed(self, sequence: int) -> int | None:
        if self.highest < 0:
            return self._restart(sequence)
        delta = _signed(sequence - self.highest)
        if 0 < delta <= LARGEST_JUMP:
            return self.highest + delta
        if -WINDOW < delta <= 0:
            return None if self._seen >> -delta & 1 else self.highest + delta
        if sequence != self._suspect:
            self._suspect = (sequence + 1) & 0xFFFF
            return None
        self.epoch += 1
        return self._restart(sequence)

    def _restart(self, sequence: int) -> int:
        self._begin(sequence)
        self.highest = self._base - 1
        self._transit = 0.0
        self._suspect = -1
        return self._base

    def _note(self, index: int, now: float) -> None:
        delta = index - self.highest
        if delta <= 0:
            self._seen |= 1 << -delta
            self._gaps.pop(index, None)
            return
        self._seen = (self._seen << delta | 1) & _SEEN
        if delta > 1 and self._asks_again:
            self._miss(range(self.highest + 1, index), now)
        self.highest = index

    def _miss(self, indices: range, now: float) -> None:
        if len(indices) + len(self._gaps) > LARGEST_GAPS:
            self._gaps.clear()
            self._gave_up = True
        else:
            self._gaps.update(dict.fromkeys(indices, (now, 0.0)))

    def _measure(self, timestamp: int, now: float) -> None:
        transit = now * self._clock_rate - timestamp
        if self._transit:
            difference = (transit - self._transit + 2**31) % 2**32 - 2**31
            self._jitter += (abs(difference) - self._jitter) / 16
        self._transit = transit


def _signed(difference: int) -> int:
    return ((difference + 0x8000) & 0xFFFF) - 0x8000
