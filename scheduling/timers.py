"""Calls something at an instant, or every so many seconds. The only file that knows APScheduler.

The rules:

- Nothing is kept over a restart: the truth is in the caller's tables, who sets its timers again at start
  and sweeps for what is overdue. A scheduler with a store of its own would be a second truth.
- A late timer is late, never dropped: a hearing is not forgotten because the machine was busy.
- Many missed rounds of `every` become one, and a round that is not over is not started a second time.
- A call that fails is logged, and harms no other.

Everything here belongs to the event loop in which `start` was called, and is called from there.
"""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from apscheduler.jobstores.base import JobLookupError
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

Call = Callable[[], Awaitable[None]]

_log = logging.getLogger(__name__)
logging.getLogger("apscheduler.scheduler").setLevel(
    logging.ERROR
)  # that a round is not over is as it must be


class Timers:
    """Named timers; setting one again under its name replaces it."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()
        self._scheduler = AsyncIOScheduler(
            jobstores={"default": MemoryJobStore()},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
            timezone=UTC,
        )

    def at(self, when: datetime, call: Call, *, name: str) -> None:
        """Calls once at `when` (aware), at once if that is past.

        A call that is already running under this name goes on; the new one does not wait for it.
        Raises: ValueError if `when` is naive.
        """
        if when.tzinfo is None:
            raise ValueError("an instant needs a zone")
        self._set(DateTrigger(when.astimezone(UTC)), call, name=name, at_once=sys.maxsize)

    def every(self, seconds: float, call: Call, *, name: str) -> None:
        """Calls again and again, first after `seconds`."""
        self._set(IntervalTrigger(seconds=seconds, timezone=UTC), call, name=name, at_once=1)

    def cancel(self, name: str) -> None:
        """No further call under this name; nothing happens if there is none. A running call goes on."""
        try:
            self._scheduler.remove_job(name)
        except JobLookupError:
            _log.debug("no timer %s to cancel", name)

    def start(self) -> None:
        """Timers set before this begin to count now. Needs the running loop."""
        self._scheduler.start()

    async def stop(self, *, patience: float = 10.0) -> None:
        """No timer fires any more; running calls get `patience` seconds to finish, then are cancelled."""
        self._scheduler.pause()
        running = self._running - {asyncio.current_task()}
        if running:
            await asyncio.wait(running, timeout=patience)
        self._scheduler.shutdown()
        await asyncio.sleep(0)  # the scheduler shuts down in the loop's next round
        await asyncio.gather(*running, return_exceptions=True)

    def _set(self, trigger: DateTrigger | IntervalTrigger, call: Call, *, name: str, at_once: int) -> None:
        async def run() -> None:
            await self._guarded(call, name=name)

        self._scheduler.add_job(
            run, trigger, id=name, name=name, replace_existing=True, max_instances=at_once
        )

    async def _guarded(self, call: Call, *, name: str) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        try:
            await call()
        except Exception:  # noqa: BLE001 - logged in full; one call's failure is not the others'
            _log.exception("the timer %s failed", name)
        finally:
            self._running.discard(task)
