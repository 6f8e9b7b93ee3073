"""How busy a loop is: what it worked, of what it worked and waited."""

import asyncio
import time

from hypothesis import given
from hypothesis import strategies as st

from media.load import FULL, FULL_SAMPLES, WINDOW, Meter, Waits


class FakeLoop:
    """Works and waits as it is told, in seconds."""

    def __init__(self):
        self.worked = self.waited = 0.0
        self.meter = Meter(lambda: self.waited, worked=lambda: self.worked)
        self.meter.sample()

    def second(self, share, *, of=1.0):
        """`of`: what the machine leaves it of this second."""
        self.worked += share * of
        self.waited += (1 - share) * of
        self.meter.sample()


def test_a_loop_that_has_not_run_is_not_busy():
    loop = FakeLoop()
    assert loop.meter.busy == 0
    loop.second(0.0, of=0.0)
    assert loop.meter.busy == 0
    assert not loop.meter.full


def test_one_busy_second_fills_nothing_and_three_of_five_do():
    loop = FakeLoop()
    for share in (0.1, 0.99, 0.1, 0.99, 0.1, 0.1, 0.99, 0.1, 0.99):
        loop.second(share)
        assert not loop.meter.full
    loop.second(0.99)
    assert loop.meter.full
    loop.second(0.1)
    assert loop.meter.full
    loop.second(0.1)
    assert not loop.meter.full


def test_what_others_take_of_the_machine_is_no_work_of_ours():
    idle, saturated = FakeLoop(), FakeLoop()
    for _ in range(WINDOW):
        idle.second(0.05, of=0.2)
        saturated.second(1.0, of=0.4)
    assert (idle.meter.full, saturated.meter.full) == (False, True)
    assert abs(idle.meter.busy - 0.05) < 1e-9


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=20))
def test_it_is_a_share_and_full_only_after_enough_busy_seconds(seconds):
    loop = FakeLoop()
    for share, of in seconds:
        loop.second(share, of=of)
    last = [share for share, _ in seconds[-WINDOW:]]
    assert 0 <= loop.meter.busy <= 1
    if sum(share > FULL - 0.01 for share in last) < FULL_SAMPLES:
        assert not loop.meter.full
    if sum(share > FULL + 0.01 and of > 0.01 for share, of in seconds[-WINDOW:]) >= FULL_SAMPLES:
        assert loop.meter.full


def test_a_real_loop_that_waits_and_one_that_works():
    assert measured(asyncio.sleep(0.2)) < 0.5
    assert measured(work(0.2)) > 0.9


async def work(seconds):
    until = time.thread_time() + seconds
    while time.thread_time() < until:  # noqa: ASYNC110  # it is the loop that is to be busy
        await asyncio.sleep(0)


def measured(coroutine):
    """How busy a loop was with this."""

    async def meter():
        meter = Meter(lambda: waits.seconds)
        meter.sample()
        await coroutine
        meter.sample()
        return meter.busy

    waits = Waits()
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(waits)) as runner:
        return runner.run(meter())
