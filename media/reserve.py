"""Room on disk that is held for the moment when there is no other, so that it can still be written down that it is full."""

import errno
import os
import shutil
from contextlib import suppress
from pathlib import Path

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
PLENTY = 256 * 2**20  # bytes that must be free before any are held


class Reserve:
    """A file of `size` bytes that says nothing; as good as the file system that keeps its promise of room."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._size = size

    def hold(self) -> None:
        """If it is not held yet, and there is plenty. Never raises: it is not worth a failure."""
        with suppress(OSError):
            if not self._path.exists() and shutil.disk_usage(self._path.parent).free > PLENTY:
                with self._path.open("wb") as file:
                    os.posix_fallocate(file.fileno(), 0, self._size)

    def give_up(self) -> bool:
        """Whether there is room now that there was not before."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True
