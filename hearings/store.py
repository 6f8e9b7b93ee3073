"""Documents on disk, each under the digest of its bytes: written once, never changed."""

import hashlib
import os
import tempfile
from pathlib import Path

from hearings.errors import NotFound, Unreachable
from hearings.sentences import say

LARGEST = 25 * 1024 * 1024  # bytes of one document


class Store:
    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def put(self, data: bytes) -> str:
        """Keeps the bytes, on disk when this returns, and gives their SHA-256. Raises: Unreachable."""
        digest = hashlib.sha256(data).hexdigest()
        target = self._folder / digest
        if target.exists():
            return digest
        try:
            with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(file.name).rename(target)
            folder = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise Unreachable(
                say("The document could not be kept: the disk is full or cannot be written.")
            ) from error
        return digest

    def remove(self, digest: str) -> None:
        """A document that is not there is removed already."""
        (self._folder / digest).unlink(missing_ok=True)

    def get(self, digest: str) -> bytes:
        """Raises: NotFound, or Unreachable if the bytes on disk are not those that were filed."""
        try:
            data = (self._folder / digest).read_bytes()
        except FileNotFoundError as error:
            raise NotFound(say("There is no such document.")) from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise Unreachable(say("The document on disk is not the one that was filed."))
        return data
