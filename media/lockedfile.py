"""Writes a large file locked, in constant memory; it has its name once it is whole."""

from contextlib import suppress
from hashlib import sha256
from typing import Self

from media.locked import Lock
from media.storage import Storage

FRAME = 1024 * 1024  # bytes that are locked together


class LockedFile:
    """In `with`: `put` what it is to hold, then `finish`. Without that nothing of it is left. Raises: OSError."""

    def __init__(self, storage: Storage, name: str, lock: Lock) -> None:
        self._storage = storage
        self._name, self._part = name, f"{name}.part"
        self._lock = lock
        self._digest = sha256()
        self._waiting: list[bytes] = []
        self._frames = self._size = self._held = 0

    def __enter__(self) -> Self:
        self._storage.remove(self._part)
        return self

    def __exit__(self, *_error: object) -> None:
        with suppress(OSError):
            self._storage.remove(self._part)

    def put(self, data: bytes) -> None:
        """Some more of it, of any length."""
        self._waiting.append(data)
        self._held += len(data)
        if self._held >= FRAME:
            self._write()

    def finish(self) -> tuple[str, int]:
        """It is there, on disk; the SHA-256 and the size of its content."""
        if self._held:
            self._write()
        self._storage.rename(self._part, self._name)
        return self._digest.hexdigest(), self._size

    def _write(self) -> None:
        data = b"".join(self._waiting)
        self._digest.update(data)
        frame = self._lock.shut(self._name, self._frames, data, self._digest.digest())
        self._storage.append(self._part, frame if self._frames else self._lock.head + frame)
        self._frames += 1
        self._size += self._held
        self._waiting, self._held = [], 0
