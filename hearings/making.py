"""One making at a time for each package: whoever asks for it meanwhile waits for that one, for as long as they can.

A record of five gigabytes takes minutes to write, to prove and to search. A browser waits for less, and a proxy for
less still; what was begun goes on nevertheless, and is there when it is asked for again.
"""

import fcntl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import UUID

from hearings.errors import NotYet
from hearings.sentences import say

AT_ONCE = 2
AGAIN = 10  # seconds until it may be asked for again
PART = ".clear"
_LOCKS = 16


class Makings:
    """Of the packages in `folder`; whatever is half made has a name `{hearing}-….clear`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="package")
        self._guard = threading.Lock()
        self._under_way: dict[str, Future[None]] = {}

    def made(self, name: str, make: Callable[[], None], *, patience: float | None) -> None:
        """Returns once it is made, by this call or by the one before. `patience`: seconds; None: without end.

        Raises: NotYet if it takes longer; whatever `make` raises.
        """
        with self._guard:
            under_way = self._under_way.get(name)
            if under_way is None:
                under_way = self._under_way[name] = self._threads.submit(make)
                under_way.add_done_callback(lambda _done: self._under_way.pop(name, None))
        try:
            under_way.result(patience)
        except TimeoutError as error:
            if under_way.done():  # it was the making itself that waited in vain, or it has just ended
                under_way.result()
                return
            told = say("The package is being made, which takes some minutes after a long hearing.")
            raise NotYet(told, seconds=AGAIN) from error

    @contextmanager
    def alone(self, hearing: UUID) -> Iterator[None]:
        """Waits until no other process of this machine makes a package of this hearing; what one that was killed left half
        made is removed. The lock ends with its process.
        """
        with self._lock(hearing).open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            self._remove(hearing)
            yield

    def sweep(self) -> None:
        """What a killed service left half made, in the clear."""
        for hearing in {UUID(path.name[:36]) for path in self._folder.glob(f"*{PART}")}:
            with suppress(OSError), self._lock(hearing).open("w") as held:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._remove(hearing)

    def _lock(self, hearing: UUID) -> Path:
        """One of a few, that no file stands for a hearing which is long destroyed."""
        return self._folder / f".making-{hearing.int % _LOCKS}"

    def _remove(self, hearing: UUID) -> None:
        for path in self._folder.glob(f"{hearing}-*{PART}"):
            with suppress(OSError):
                path.unlink()
