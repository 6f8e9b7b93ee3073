"""What a way bears, learned over a bottleneck that is computed, packet by packet."""

import random

import pytest

from media.downlink import FIRST_HOLD, LARGEST, LONGEST_HOLD, START, Downlink
from media.rtcp import Arrivals

SIZE = 1200
ELSEWHERE = 5_000.0  # the other side's clock is this far from ours


class Bottleneck:
    """A way of `rate` bit/s with a queue of `most` seconds, and a downlink that is told of it every 100 ms."""

    def __init__(self, *, rate, most=0.4, delay=0.03, loss=0.0):
        self.rate, self.most, self.delay, self.loss = rate, most, delay, loss
        self.downlink = Downlink()
        self.downlink.measures()
        self.now = 100.0
        self.free_at = 0.0
        self.credit = 0.0
        self.flying = []
        self.chance = random.Random(4)
        self.worst = 0.0

    def send(self, rate, seconds):
        """Sends at this rate; `rate` may be a function of the downlink."""
        end = self.now + seconds
        reported = self.now
        while self.now < end:
            wanted = rate(self) if callable(rate) else rate
            self.credit += wanted * 0.005 / 8
            while self.credit >= SIZE:
                self.credit -= SIZE
                self.packet()
            self.now += 0.005
            if self.now - reported >= 0.1:
                reported = self.now
                self.report()

    def packet(self):
        number = int.from_bytes(self.downlink.numbered(self.now, SIZE), "big")
        starts = max(self.now, self.free_at)
        self.worst = max(self.worst, starts - self.now)
        if starts - self.now > self.most or self.chance.random() < self.loss:
            self.flying.append((number, self.now + self.delay, None))
        else:
            self.free_at = starts + 8 * SIZE / self.rate
            self.flying.append((number, self.free_at + self.delay, self.free_at + self.delay + ELSEWHERE))

    def report(self):
        back = self.delay
        told = [(number, at) for number, due, at in self.flying if due + back <= self.now]
        self.flying = [each for each in self.flying if each[1] + back > self.now]
        if told:
            self.downlink.arrivals(Arrivals(told), self.now)


def test_a_free_way_is_proven_by_what_arrives_and_by_nothing_else():
    way = Bottleneck(rate=50e6)
    way.send(400_000, 5)
    assert way.downlink.proven == START
    way.send(2e6, 2)
    assert 1.8e6 < way.downlink.proven < 2.2e6
    way.send(100_000, 5)
    assert way.downlink.proven > 1.8e6
    assert way.downlink.may_climb(way.now)


def test_a_queue_that_stands_is_congestion_before_anything_is_lost():
    way = Bottleneck(rate=400_000, most=10)
    way.send(550_000, 3)
    downlink = way.downlink
    assert 200_000 < downlink.proven < 400_000
    assert not downlink.may_climb(way.now)
    assert downlink.may_climb(downlink.congested_at + FIRST_HOLD)
    assert downlink.congested_at < 102.5


def test_following_what_is_proven_the_queue_empties_and_the_rate_stays_near_what_is_there():
    way = Bottleneck(rate=800_000, most=2)
    way.send(1_500_000, 1.5)
    way.send(lambda each: 0.9 * each.downlink.proven, 20)
    way.worst = 0
    way.send(lambda each: 0.9 * each.downlink.proven, 10)
    assert way.worst < 0.1
    assert 350_000 < way.downlink.proven < 820_000


def test_one_in_ten_lost_is_congestion_and_one_in_fifty_is_not():
    poor, fair = Bottleneck(rate=50e6, loss=0.2), Bottleneck(rate=50e6, loss=0.02)
    for way in (poor, fair):
        way.send(1e6, 5)
    assert poor.downlink.congested_at > 0
    assert fair.downlink.congested_at < 0
    assert fair.downlink.proven > 800_000


def test_a_burst_that_drains_is_no_congestion():
    way = Bottleneck(rate=2e6, most=2)
    for _ in range(5):
        way.send(8e6, 0.08)
        way.send(300_000, 1.5)
    assert way.downlink.congested_at < 0


def test_an_outage_is_no_congestion_and_what_was_proven_before_still_is():
    way = Bottleneck(rate=5e6)
    way.send(1.5e6, 3)
    proven, way.loss = way.downlink.proven, 1.0
    reports, way.report = way.report, lambda: None
    way.send(1.5e6, 4)
    way.loss, way.report = 0.0, reports
    way.send(1.5e6, 3)
    assert way.downlink.congested_at < 0
    assert way.downlink.proven >= proven


def test_a_long_way_is_no_congestion():
    way = Bottleneck(rate=5e6, delay=0.35)
    way.send(1e6, 6)
    assert way.downlink.congested_at < 0
    assert way.downlink.proven > 800_000


def test_probes_go_step_by_step_and_stop_when_it_is_proven_or_in_vain():
    way = Bottleneck(rate=10e6)
    assert way.downlink.probes(3e6, 200_000, way.now) == 2 * START - 200_000
    way.send(lambda each: 200_000 + each.downlink.probes(3e6, 200_000, each.now), 4)
    assert way.downlink.proven > 3e6
    assert way.downlink.probes(None, 3e6, way.now) == 0
    narrow = Bottleneck(rate=700_000, most=3)
    narrow.send(lambda each: 200_000 + each.downlink.probes(3e6, 200_000, each.now), 30)
    assert narrow.downlink.proven < 800_000
    assert narrow.worst < 1.0


def test_after_a_climb_that_failed_the_next_try_waits_twice_as_long():
    way = Bottleneck(rate=400_000, most=3)
    holds = []
    for _ in range(6):
        downlink = way.downlink
        downlink.climbed(way.now)
        before = downlink.congested_at
        way.send(900_000, 3)
        assert downlink.congested_at > before
        holds.append(downlink._hold_until - downlink.congested_at)
        way.send(100_000, holds[-1])
    assert holds == [8, 16, 32, LONGEST_HOLD, LONGEST_HOLD, LONGEST_HOLD]


def test_who_reports_no_arrivals_is_believed_or_bears_everything_until_much_is_lost():
    told = Downlink()
    assert told.proven == LARGEST
    told.estimate(500_000, 1.0)
    assert told.proven == 500_000
    assert told.probes(1e6, 2e5, 10.0) == 0
    silent = Downlink()
    silent.probes(None, 1e6, 1.0)
    silent.loss(200, 10, 2.0)
    assert silent.proven == LARGEST
    silent.loss(100, 50, 3.0)
    assert silent.proven == 1e6 * (1 - 60 / 300)
    silent.probes(3e6, 1e6, 4.0)
    assert silent.proven == 8e5
    silent.probes(3e6, 1e6, 3.0 + FIRST_HOLD)
    assert silent.proven == 3e6


def test_one_lost_of_the_few_packets_of_a_slow_picture_says_nothing():
    silent = Downlink()
    silent.probes(None, 5e4, 0.0)
    for second in range(60):
        silent.loss(8, 1, float(second))
    assert silent.proven == LARGEST
    silent.loss(8, 4, 60.0)
    assert silent.proven == pytest.approx(5e4 * (1 - 7 / 32))


def test_repetitions_are_a_share_of_what_is_borne():
    downlink = Downlink()
    downlink.measures()
    granted = 0
    while downlink.may_repeat(5.0):
        downlink.repeats(1200)
        granted += 1
    assert 0 < 8 * 1200 * granted <= START / 4 + 8 * 1200
    assert downlink.may_repeat(6.0)


def test_reports_of_what_was_never_sent_change_nothing():
    way = Bottleneck(rate=1e6)
    way.downlink.arrivals(Arrivals([(number, 1.0) for number in range(0, 65536, 7)]), way.now)
    assert way.downlink.proven == START
    assert way.downlink.arriving == 0
