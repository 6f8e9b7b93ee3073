"""Timers against the real clock, in steps of milliseconds; every wait has a limit."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest

from scheduling.timers import Timers


def soon(milliseconds: int = 20) -> datetime:
    return datetime.now(UTC) + timedelta(milliseconds=milliseconds)


class Bell:
    """Counts its rings and lets a test wait for the next."""

    def __init__(self) -> None:
        self.rings = 0
        self._rung = asyncio.Condition()

    async def __call__(self) -> None:
        async with self._rung:
            self.rings += 1
            self._rung.notify_all()

    async def wait(self, rings: int = 1) -> None:
        async with asyncio.timeout(5), self._rung:
            await self._rung.wait_for(lambda: self.rings >= rings)


@pytest.fixture
async def timers():
    started = Timers()
    started.start()
    yield started
    await started.stop()


async def test_it_calls_at_the_instant_and_not_before(timers):
    bell, when = Bell(), soon(80)
    timers.at(when, bell, name="opening")
    await bell.wait()
    assert datetime.now(UTC) >= when
    assert bell.rings == 1


async def test_what_is_past_is_called_at_once_however_late(timers):
    bell = Bell()
    timers.at(datetime(2020, 1, 1, tzinfo=UTC), bell, name="overdue")
    await bell.wait()


async def test_another_zone_means_the_same_instant(timers):
    bell = Bell()
    timers.at(soon().astimezone(timezone(timedelta(hours=-5))), bell, name="x")
    await bell.wait()


async def test_a_naive_instant_is_refused(timers):
    with pytest.raises(ValueError, match="needs a zone"):
        timers.at(datetime(2026, 1, 1), Bell(), name="x")  # noqa: DTZ001


@pytest.mark.parametrize("started", ["before", "after"])
async def test_the_same_name_replaces(started):
    timers, first, second = Timers(), Bell(), Bell()
    if started == "before":
        timers.start()
    timers.at(soon(30), first, name="reminder")
    timers.at(soon(60), second, name="reminder")
    if started == "after":
        timers.start()
    await second.wait()
    await timers.stop()
    assert first.rings == 0


async def test_cancel_is_enough_and_may_be_said_twice(timers):
    cancelled, later = Bell(), Bell()
    timers.at(soon(30), cancelled, name="a")
    timers.at(soon(80), later, name="b")
    timers.cancel("a")
    timers.cancel("a")
    await later.wait()
    assert cancelled.rings == 0


async def test_every_goes_on_until_cancelled(timers):
    bell, later = Bell(), Bell()
    timers.every(0.02, bell, name="sweep")
    await bell.wait(3)
    timers.cancel("sweep")
    rings = bell.rings
    timers.at(soon(80), later, name="later")
    await later.wait()
    assert bell.rings <= rings + 1


async def test_a_failure_is_logged_and_harms_no_other(timers, caplog):
    async def fail() -> None:
        raise OSError("the disk is full")

    bell = Bell()
    with caplog.at_level(logging.ERROR, logger="scheduling.timers"):
        timers.at(soon(), fail, name="broken")
        timers.every(0.02, fail, name="broken again")
        timers.at(soon(60), bell, name="sound")
        await bell.wait()
    assert "the timer broken failed" in caplog.text
    assert "the disk is full" in caplog.text


async def test_a_call_may_set_its_own_name_again(timers):
    bell = Bell()

    async def again() -> None:
        timers.at(datetime.now(UTC), bell, name="chain")
        await bell.wait()

    timers.at(soon(), again, name="chain")
    await bell.wait()


async def test_a_round_that_is_not_over_is_not_started_twice(timers):
    ticks, inside, most = Bell(), 0, 0

    async def slow() -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await ticks.wait(ticks.rings + 3)
        inside -= 1

    timers.every(0.02, slow, name="slow")
    timers.every(0.02, ticks, name="ticks")
    await ticks.wait(8)
    timers.cancel("slow")
    await ticks.wait(ticks.rings + 4)
    assert (inside, most) == (0, 1)


async def test_stop_lets_running_calls_finish_and_starts_no_more():
    timers, begun, go_on, done, never = Timers(), Bell(), asyncio.Event(), Bell(), Bell()
    timers.start()
    timers.at(soon(), gated(begun, go_on.wait, done), name="letter")
    await begun.wait()
    timers.at(soon(30), never, name="never")
    stopping = asyncio.create_task(timers.stop())
    asyncio.get_running_loop().call_later(0.08, go_on.set)
    await stopping
    assert (done.rings, never.rings) == (1, 0)


async def test_stop_loses_patience():
    timers, begun, done = Timers(), Bell(), Bell()
    timers.start()
    timers.at(soon(), gated(begun, asyncio.Event().wait, done), name="stuck")
    await begun.wait()
    async with asyncio.timeout(5):
        await timers.stop(patience=0.05)
    assert done.rings == 0


def gated(begun: Bell, gate: Callable[[], Awaitable[object]], done: Bell) -> Callable[[], Awaitable[None]]:
    async def call() -> None:
        await begun()
        await gate()
        await done()

    return call
