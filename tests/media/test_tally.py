"""What is counted of a stream."""

import pytest

from media.reception import Reception
from media.tally import Tally


class Line:
    """Packets of one stream at times that the test says."""

    def __init__(self, *, pictures, rate=90_000):
        self.reception = Reception(rate, asks_again=pictures)
        self.tally = Tally(self.reception, pictures=pictures)
        self.sequence, self.now = 100, 50.0

    def comes(self, *, after, lost=0, marker=1, size=1000):
        self.now += after
        self.sequence += 1 + lost
        self.reception.arrived(self.sequence & 0xFFFF, 0, self.now)
        self.tally.packet(size, marker, self.now)

    def look(self, seconds=2.0):
        return self.tally.look(seconds, self.now)


def test_bytes_frames_and_losses_since_the_last_look():
    line = Line(pictures=True)
    for number in range(30):
        line.comes(after=1 / 15, marker=0)
        line.comes(after=0, lost=1 if number == 9 else 0)
    count = line.look()
    assert (count.expected, count.lost, count.octets, count.frames) == (61, 1, 60_000, 30)
    assert count.lost_share == pytest.approx(100 / 61)
    assert line.look() == (count := line.look())
    assert (count.expected, count.lost, count.octets, count.frames, count.lost_share) == (0, 0, 0, 0, 0.0)


def test_what_was_repaired_is_not_lost():
    line = Line(pictures=True)
    line.comes(after=0.1)
    line.comes(after=0.1, lost=2)
    line.reception.repaired((line.sequence - 1) & 0xFFFF)
    assert line.look().lost == 1
    line.reception.repaired((line.sequence - 2) & 0xFFFF)
    assert line.look().lost == 0


def test_a_sender_that_begins_anew_is_counted_anew():
    line = Line(pictures=True)
    for _ in range(50):
        line.comes(after=0.1)
    line.look()
    line.sequence += 20_000
    line.comes(after=0.1)
    line.comes(after=0.1)
    line.comes(after=0.1, lost=1)
    count = line.look()
    assert (count.expected, count.lost) == (3, 1)


def test_a_frame_that_comes_much_later_than_usual_is_a_standstill():
    line = Line(pictures=True)
    for _ in range(30):
        line.comes(after=1 / 15)
    line.comes(after=0.2)
    assert line.look().stops == 0
    line.comes(after=0.6)
    count = line.look()
    assert (count.stops, count.stopped) == (1, pytest.approx(0.6))


def test_few_frames_a_second_are_no_standstill():
    line = Line(pictures=True)
    for _ in range(10):
        line.comes(after=1.0)
    assert line.look().stops == 0


def test_a_stop_that_lasts_is_one_stop_counted_once():
    line = Line(pictures=False, rate=48_000)
    for _ in range(100):
        line.comes(after=0.02)
    line.now += 1.5
    first = line.look()
    line.now += 2.0
    second = line.look()
    line.comes(after=0.5)
    third = line.look()
    assert [count.stops for count in (first, second, third)] == [1, 0, 0]
    assert sum(count.stopped for count in (first, second, third)) == pytest.approx(4.0)
    line.comes(after=0.02)
    line.comes(after=0.3)
    assert line.look().stops == 0


def test_a_pause_on_purpose_is_no_interruption():
    line = Line(pictures=False, rate=48_000)
    line.comes(after=0.02)
    line.tally.pause()
    line.now += 60
    assert line.look().stops == 0
    line.comes(after=0.02)
    assert line.look().stops == 0
