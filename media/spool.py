"""Reports of a worker, on disk from before they are sent until they are acknowledged.

A folder with `name`, a random id that stays, `reserve`, room that is given up where the disk is full, and
`reports.jsonl`, one report a line in the order of `n`. The first line of `reports.jsonl` says up to which `n` everything was acknowledged when the
file was last made anew. A line that a crash cut off was never sent and is forgotten; its number is used
again. Acknowledgements themselves are not fsynced: after a crash some reports are sent twice.

One thread at a time may write (`keep`, `compact`); the rest belongs to the event loop.
"""

import json
import os
import secrets
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from media.control import Fact, Report
from media.reserve import FULL, Reserve

COMPACT_FROM = 1000  # acknowledged lines in the file
RESERVE = 2**20  # bytes: some thousands of reports


class SpoolBroken(Exception):
    """The spool's folder holds what no worker wrote; nothing is thrown away, a person must look."""


class Spool:
    """`await`-free; see the module for which thread may call what."""

    def __init__(self, folder: Path) -> None:
        """Opens or makes the spool. Raises: OSError, SpoolBroken."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._path = folder / "reports.jsonl"
        self._reserve = Reserve(folder / "reserve", RESERVE)
        self._reserve.hold()
        self.name = _name_in(folder)
        acknowledged, reports, self._end = _read(self._path)
        self.pending: deque[Report] = deque(reports)
        self._next = max(acknowledged, reports[-1].n if reports else 0) + 1
        self._spent = 0
        self._file = self._opened(acknowledged)

    def numbered(self, hearing: str, fact: Fact) -> Report:
        """The report of this fact; not yet on disk."""
        report = Report(spool=self.name, n=self._next, hearing=hearing, fact=fact)
        self._next += 1
        return report

    def keep(self, reports: Sequence[Report]) -> None:
        """When this returns they are on disk. Raises: OSError; then it may be called again."""
        data = b"".join(report.model_dump_json().encode() + b"\n" for report in reports)
        try:
            self._write(data)
        except OSError as error:
            if error.errno not in FULL or not self._reserve.give_up():
                raise
            self._write(data)
        self._end += len(data)

    def _write(self, data: bytes) -> None:
        self._file.seek(self._end)
        self._file.truncate()
        self._file.write(data)
        self._file.flush()
        os.fsync(self._file.fileno())

    def acknowledged(self, n: int) -> None:
        """Every report up to `n` need not be sent again; no other will have such a number, also if this spool lost some."""
        self._next = max(self._next, n + 1)
        while self.pending and self.pending[0].n <= n:
            self.pending.popleft()
            self._spent += 1

    @property
    def wants_compacting(self) -> bool:
        return self._spent >= COMPACT_FROM

    def compact(self, pending: Sequence[Report], *, acknowledged: int) -> None:
        """Makes the file anew with `pending` only, everything else up to `acknowledged` being done with.

        Raises: OSError; the old file is then still good.
        """
        fresh = self._path.with_suffix(".new")
        lines = [_head(acknowledged), *(report.model_dump_json().encode() + b"\n" for report in pending)]
        _write_synced(fresh, b"".join(lines))
        fresh.replace(self._path)
        _sync_folder(self._folder)
        self._file.close()
        self._file = self._path.open("r+b")
        self._end = self._path.stat().st_size
        self._spent = 0
        self._reserve.hold()

    @property
    def last(self) -> int:
        """The newest number given."""
        return self._next - 1

    def close(self) -> None:
        self._file.close()

    def _opened(self, acknowledged: int) -> BinaryIO:
        if not self._end:
            _write_synced(self._path, _head(acknowledged))
            _sync_folder(self._folder)
            self._end = self._path.stat().st_size
        return self._path.open("r+b")


def _name_in(folder: Path) -> str:
    path = folder / "name"
    if not path.exists():
        _write_synced(path.with_suffix(".new"), secrets.token_hex(8).encode() + b"\n")
        path.with_suffix(".new").replace(path)
        _sync_folder(folder)
    return path.read_text().strip()


def _read(path: Path) -> tuple[int, list[Report], int]:
    """What was acknowledged, the reports, and the byte at which whole lines end."""
    if not path.exists():
        return 0, [], 0
    data = path.read_bytes()
    end = data.rfind(b"\n") + 1
    lines = data[:end].splitlines()
    if not lines:
        return 0, [], 0
    try:
        acknowledged = int(json.loads(lines[0])["acknowledged"])
        return acknowledged, [Report.model_validate_json(line) for line in lines[1:]], end
    except (ValidationError, ValueError, KeyError, TypeError) as error:
        raise SpoolBroken(f"{path} is not a spool of reports: {error}") from error


def _head(acknowledged: int) -> bytes:
    return json.dumps({"acknowledged": acknowledged}).encode() + b"\n"


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
