"""One clock: known answers, clocks that drift, ways that jitter, and reports that lie."""

import random

import pytest

from media.oneclock import FARTHEST, Fastest, StreamClock

HOUR = 3_600_000_000  # µs
SECOND = 1_000_000
BEGINS = 1_800_000_000 * SECOND


def test_the_smallest_within_half_a_minute_counts():
    fastest = Fastest()
    assert fastest.near(BEGINS) is None
    for second, value in ((0, 30), (10, 20), (100, 5)):
        fastest.told(BEGINS + second * SECOND, value)
    assert fastest.near(BEGINS) == 20
    assert fastest.near(BEGINS + 40 * SECOND) == 20
    assert fastest.near(BEGINS + 95 * SECOND) == 5
    assert fastest.near(BEGINS + 3600 * SECOND) == 5, "what was told nearest"


def test_values_that_rise_for_good_are_told_apart_from_those_before():
    fastest = Fastest()
    for tenth in range(400):
        stalled = 2_000_000 if 100 <= tenth < 120 else 0
        stood = 900_000 if tenth >= 200 else 0
        fastest.told(BEGINS + tenth * SECOND // 10, 40 + stalled + stood)
    assert {fastest.near(BEGINS + tenth * SECOND // 10) for tenth in range(200)} == {40}
    assert {fastest.near(BEGINS + tenth * SECOND // 10) for tenth in range(200, 400)} == {900_040}


def test_one_report_that_is_out_of_line_is_left_out_and_two_begin_a_line_of_their_own():
    sender = Fastest()
    clock = StreamClock(48_000, sender)
    for second in range(60):
        stood = 3 if second >= 30 else 0
        clock.packet(48_000 * (second - stood), BEGINS + second * SECOND)
        strays = 7 if second == 10 else 0
        clock.report(48_000 * (second - stood + strays), second * SECOND, BEGINS + second * SECOND)
    for second in (*range(29), *range(31, 60)):
        stood = 3 if second >= 30 else 0
        assert clock.at(48_000 * (second - stood), BEGINS + second * SECOND) == BEGINS + second * SECOND


def test_without_reports_it_is_the_packet_that_travelled_fastest():
    clock = StreamClock(48_000, Fastest())
    for n, late in enumerate((9_000, 5_000, 7_000)):
        clock.packet(960 * n, BEGINS + 20_000 * n + late)
    assert [clock.at(960 * n, BEGINS) for n in range(3)] == [BEGINS + 20_000 * n + 5_000 for n in range(3)]


def test_between_two_reports_it_is_their_line_and_beyond_the_rate():
    sender = Fastest()
    clock = StreamClock(90_000, sender)
    for second in (0, 1):
        clock.packet(90_000 * second, BEGINS + second * SECOND)
    clock.report(0, 5 * SECOND, BEGINS)
    clock.report(90_000, 6 * SECOND + 900, BEGINS + SECOND + 900)
    assert clock.at(45_000, BEGINS + SECOND // 2) == BEGINS + 500_450
    assert clock.at(180_000, BEGINS + 2 * SECOND) == BEGINS + 2 * SECOND + 900
    assert clock.at(-90_000, BEGINS - SECOND) == BEGINS - SECOND


class Sender:
    """Sound and picture of a person whose clock runs `ppm` fast, over a way that is `way` µs long and jitters.

    The sound's own clock runs otherwise than the picture's, as a sound card's does.
    """

    def __init__(self, *, seed: int, ppm: float, sound_ppm: float = 0.0, way: int = 40_000, apart: int = 0):
        self._lot = random.Random(seed)
        self._ppm, self._way = ppm, way
        sender = Fastest()
        self.sound = _Track(StreamClock(48_000, sender), 48_000, 20_000, sound_ppm, 777)
        self.picture = _Track(StreamClock(90_000, sender), 90_000, 66_667, 0.0, 4_000_000_000)
        self._apart = apart

    def play(self, *, seconds: int) -> None:
        for track, late in ((self.sound, 0), (self.picture, self._apart)):
            for at in range(0, seconds * SECOND, track.every):
                track.clock.packet(track.rtp(self._own(at)), BEGINS + at + late + self._travels())
            for at in range(0, seconds * SECOND, 5 * SECOND if track is self.sound else SECOND):
                own = self._own(at)
                came = BEGINS + at + self._travels()
                track.clock.report(track.rtp(own), own + 12_345 * SECOND, came)

    def _own(self, at: int) -> int:
        return round(at * (1 + self._ppm / 1e6))

    def _travels(self) -> int:
        return self._way + round(self._lot.expovariate(1 / 15_000))

    def placed(self, at: int) -> tuple[int, int]:
        """Where a flash and a click of this moment are put, in µs after it."""
        return tuple(
            track.clock.at(track.rtp(self._own(at)), BEGINS + at + self._way) - BEGINS - at
            for track in (self.picture, self.sound)
        )


class _Track:
    def __init__(self, clock: StreamClock, rate: int, every: int, ppm: float, first: int) -> None:
        self.clock, self.rate, self.every, self._ppm, self._first = clock, rate, every, ppm, first

    def rtp(self, own: int) -> int:
        return self._first + round(own * (1 + self._ppm / 1e6) * self.rate / 1e6)


@pytest.mark.parametrize("ppm", [-50.0, 0.0, 50.0])
def test_a_clock_that_drifts_is_followed_for_two_hours(ppm):
    """Sound and picture stay together within 5 ms, and both with our clock within 20 ms, whatever the way jitters."""
    sender = Sender(seed=1, ppm=ppm, sound_ppm=-30.0, apart=150_000)
    sender.play(seconds=7200)
    for at in (0, HOUR // 2, HOUR, 3 * HOUR // 2, 2 * HOUR - SECOND):
        picture, sound = sender.placed(at)
        assert abs(picture - sound) < 5_000
        assert abs(sound - 40_000) < 20_000


def test_reports_that_lie_move_nothing_far():
    sender = Fastest()
    clock = StreamClock(48_000, sender)
    lot = random.Random(3)
    for n in range(3000):
        clock.packet(960 * n, BEGINS + 20_000 * n + 40_000)
        if n % 50 == 0:
            clock.report(lot.randrange(2**40), lot.randrange(2**60), BEGINS + 20_000 * n)
    for n in range(0, 3000, 100):
        placed = clock.at(960 * n, BEGINS + 20_000 * n + 40_000)
        assert abs(placed - (BEGINS + 20_000 * n + 40_000)) <= FARTHEST
