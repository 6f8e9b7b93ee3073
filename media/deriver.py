"""Derives copies for playing, in a process of its own that yields to everything live.

`python -m media.deriver` reads an `Order` a line (JSON) from standard input and answers each with a line, `Derived` or
`Failed`. A copy is locked as the originals are, and has its name once it is whole. None is begun that would take the
room which what is live needs; one that fails leaves nothing. Of several processes one derives at a time for a hearing:
whoever ordered the first may have been killed, and it goes on writing.
"""

import base64
import errno
import fcntl
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from media.derivation import film, track_of
from media.locked import Lock, NotOpened, Unwrap, opened
from media.lockedfile import LockedFile
from media.orders import Derived, Failed, Order
from media.pcapng import NotOriginal
from media.reserve import FULL
from media.storage import Storage
from media.webm import Mark, write

YIELDS = 10  # niceness
SPARE = 256 * 2**20  # bytes of the disk that are left to what is live


def derive(order: Order) -> Derived:
    """Raises: OSError, NotOpened, NotOriginal."""
    storage = Storage(order.folder)
    wanted = sum(storage.size(source.name) or 0 for source in order.sources)
    if storage.room() < wanted + SPARE:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with ExitStack() as stack:
        originals = []
        for source in order.sources:
            stream = opened(storage.open(source.name), source.name, _with(base64.b64decode(source.key)))
            originals.append((track_of(source.name), stack.enter_context(stream)))
        marks = [Mark(*mark) for mark in order.marks]
        made = film(originals, begins=order.since, until=order.until, marks=marks)
        copy = stack.enter_context(LockedFile(storage, order.name, Lock(base64.b64decode(order.public))))
        write(made, copy.put)
        digest, size = copy.finish()
        return Derived(sha256=digest, size=size)


def made_again(
    originals: Iterable[tuple[str, BinaryIO]],
    *,
    since: int,
    until: int,
    marks: Iterable[tuple[int, int, str]],
) -> str:
    """The SHA-256 of the copy that comes of these originals in the clear, by their tracks; times as in `Order`.

    Raises: NotOriginal.
    """
    digest = sha256()
    write(film(originals, begins=since, until=until, marks=[Mark(*mark) for mark in marks]), digest.update)
    return digest.hexdigest()


def _with(key: bytes) -> Unwrap:
    return lambda _head: key


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Waits until no other process of this machine derives in this folder. The lock ends with the process."""
    with (folder / ".deriving").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def main() -> int:
    os.nice(YIELDS)
    for line in sys.stdin.buffer:
        answer: Derived | Failed
        order = Order.model_validate_json(line)
        try:
            with _alone(order.folder):
                answer = derive(order)
        except (OSError, NotOpened, NotOriginal) as error:
            full = isinstance(error, OSError) and error.errno in FULL
            answer = Failed(failed=str(error), full=full)
        sys.stdout.write(answer.model_dump_json() + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
