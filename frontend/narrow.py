"""The narrow passage: what hashes passwords goes two at a time, in threads of its own.

Hashing is made to be slow, so a flood of sign-ins could keep every thread of the service busy. Here it waits by
itself while hearings go on, and once the queue is some seconds long nobody else is let in.
"""

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from hearings.errors import TooMany
from hearings.sentences import say

AT_ONCE = 2
MOST = 40  # hashing or waiting: some six seconds on a machine of two cores
RETRY_SECONDS = 10

Told = TypeVar("Told")


class Narrow:
    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="narrow")
        self._inside = 0

    async def through(self, verb: Callable[..., Told], *given: Any, **named: Any) -> Told:
        """What the verb returns or raises. Raises: TooMany while the queue is full."""
        if self._inside >= MOST:
            raise TooMany(
                say(
                    "Very many are signing in at this moment. Nothing is changed. Try again in a few seconds."
                ),
                seconds=RETRY_SECONDS,
            )
        self._inside += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, functools.partial(verb, *given, **named))
        finally:
            self._inside -= 1
