"""Where recordings are kept: a few calls by name, behind which lie files of this machine.

What is written is on disk when the call returns: fsynced, the folder too where a name is new or gone; but for what is
only put by. Everything here blocks. Another kind of storage changes this module and no other.
"""

import os
import shutil
from pathlib import Path
from typing import BinaryIO


class Storage:
    """The files of one hearing. Every call raises OSError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def prepare(self) -> None:
        """Makes the place where they are kept, if it is missing."""
        if not self._folder.is_dir():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _sync_folder(self._folder.parent)

    def append(self, name: str, *parts: bytes) -> None:
        """One after the other, to the end of this file, which is made if it is missing."""
        descriptor, created = self._to_write(name, os.O_APPEND)
        try:
            for part in parts:
                remaining = memoryview(part)
                while remaining:
                    remaining = remaining[os.write(descriptor, remaining) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if created:
            _sync_folder(self._folder)

    def put_by(self, name: str, *parts: bytes) -> None:
        """At the beginning of this file, over what it held; not forced to disk. It outlives this process, and perhaps
        not a power cut.
        """
        descriptor, _ = self._to_write(name)
        try:
            at = 0
            for part in parts:
                remaining = memoryview(part)
                while remaining:
                    written = os.pwrite(descriptor, remaining, at)
                    remaining, at = remaining[written:], at + written
        finally:
            os.close(descriptor)

    def truncate(self, name: str, size: int) -> None:
        descriptor = os.open(self._folder / name, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.ftruncate(descriptor, size)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def remove(self, name: str) -> None:
        """A file that is not there is removed already."""
        (self._folder / name).unlink(missing_ok=True)
        _sync_folder(self._folder)

    def rename(self, name: str, new: str) -> None:
        """In place of what had that name before."""
        (self._folder / name).replace(self._folder / new)
        _sync_folder(self._folder)

    def size(self, name: str) -> int | None:
        """In bytes; None if there is no such file."""
        try:
            return (self._folder / name).stat().st_size
        except FileNotFoundError:
            return None

    def open(self, name: str) -> BinaryIO:
        """To be read from any place."""
        return (self._folder / name).open("rb")

    def read(self, name: str) -> bytes:
        """The whole of a small file; nothing if there is none."""
        return (self._folder / name).read_bytes() if self.size(name) is not None else b""

    def names(self) -> list[str]:
        """Every file that is kept here, in the order of the names."""
        if not self._folder.is_dir():
            return []
        return sorted(path.name for path in self._folder.iterdir())

    def clear(self) -> None:
        """Removes every file, and the place where they were kept; done twice it changes nothing."""
        for name in self.names():
            (self._folder / name).unlink(missing_ok=True)
        if self._folder.is_dir():
            self._folder.rmdir()
            _sync_folder(self._folder.parent)

    def room(self) -> int:
        """Bytes that are free."""
        return shutil.disk_usage(self._folder).free

    def _to_write(self, name: str, flags: int = 0) -> tuple[int, bool]:
        """An open file, and whether it was made."""
        path, flags = f"{self._folder}/{name}", flags | os.O_WRONLY | os.O_CLOEXEC
        try:
            return os.open(path, flags), False
        except FileNotFoundError:
            return os.open(path, flags | os.O_CREAT, 0o600), True


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
