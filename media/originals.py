"""The originals on disk: a pcapng and its index for each track and stretch, and the stretch's gaps.

Whatever is returned from here is on disk: written, and fsynced, the folder too after a file was made.
Everything here blocks; the recorder calls it from its writer thread only.

`<track>-<stretch>.index.jsonl` is the truth about `<track>-<stretch>.pcapng`: a row is written after its
bytes, so bytes behind the last row were never acknowledged and are cut off. `account-<stretch>.jsonl` is
the recorder's own notebook and no part of the record: it shows that a stretch was begun, and keeps the gaps
that were reported, so that a worker started again says the same of them.
"""

import io
import json
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import rfc8785

from media import pcapng
from media.account import Span, Tile, holes
from media.control import Fact, FileSealed, GapFound, RecordPlan, SegmentKept


class Disk:
    """The writes, each on disk when it returns. Raises: OSError. The seam where tests break them."""

    def make_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._sync_folder(folder.parent)

    def append(self, path: Path, data: bytes) -> None:
        created = not path.exists()
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            remaining = memoryview(data)
            while remaining:
                remaining = remaining[os.write(descriptor, remaining) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if created:
            self._sync_folder(path.parent)

    def truncate(self, path: Path, size: int) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.ftruncate(descriptor, size)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._sync_folder(path.parent)

    def room(self, folder: Path) -> int:
        """Bytes that are free."""
        return shutil.disk_usage(folder).free

    def _sync_folder(self, folder: Path) -> None:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class Original:
    """The two files of one track in one stretch, and what of them is acknowledged."""

    def __init__(self, disk: Disk, folder: Path, *, track: str, stretch: int) -> None:
        self.segments: list[SegmentKept] = []
        self._disk = disk
        self._track, self._stretch = track, stretch
        self._media = folder / f"{track}-{stretch}.pcapng"
        self._index = folder / f"{track}-{stretch}.index.jsonl"
        self._source = pcapng.address(track)
        self._digest = sha256()
        self._index_bytes = 0

    @property
    def exists(self) -> bool:
        return self._media.exists() or self._index.exists()

    def keep(self, span: Span, packets: Iterable[pcapng.Packet]) -> SegmentKept:
        """Writes the next segment, then its row. Raises: OSError; then call `rewind` before anything else."""
        return self._append(span, b"".join(pcapng.block(packet, source=self._source) for packet in packets))

    def rewind(self) -> None:
        """Cuts off what was written but never acknowledged. Raises: OSError."""
        for path, size in ((self._media, self._length), (self._index, self._index_bytes)):
            if size and path.stat().st_size < size:
                raise OSError(f"{path.name} is shorter than what was written to it")
            if not size and path.exists():
                self._disk.remove(path)
            elif size and path.stat().st_size > size:
                self._disk.truncate(path, size)

    def load(self) -> None:
        """Takes up the files of an earlier recorder, and cuts off what it did not live to acknowledge.

        Raises: OSError if the files contradict each other; then they are left as they are.
        """
        self._forget()
        rows = self._index.read_bytes().splitlines(keepends=True) if self._index.exists() else []
        if rows and not rows[-1].endswith(b"\n"):
            rows.pop()
        if rows:
            with self._media.open("rb") as media:
                for row in rows:
                    self._take_up(row, media)
        self.rewind()

    def cut(self, until: int) -> None:
        """Takes away what came at `until` or later, although it is written. Raises: OSError."""
        beyond = next((segment for segment in self.segments if segment.until > until), None)
        if beyond is None:
            return
        before = self.segments[: beyond.seg]
        self._forget()
        with self._media.open("rb") as media:
            for segment in before:
                self._take(segment, media.read(segment.len))
            data = media.read(beyond.len)
        self.rewind()
        if shorter := _blocks_before(until, data):
            self._append(Span(beyond.since, until), shorter)

    def seal(self) -> list[FileSealed]:
        """The two files are complete; none if nothing was kept. Raises: OSError if one is not as long as it was."""
        if not self.segments:
            return []
        index = self._index.read_bytes()
        if self._media.stat().st_size != self._length or len(index) != self._index_bytes:
            raise OSError(f"{self._media.name} is not as long as what was written to it")
        return [
            self._sealed(self._media, self._digest.hexdigest(), self._length),
            self._sealed(self._index, sha256(index).hexdigest(), len(index)),
        ]

    @property
    def _length(self) -> int:
        return self.segments[-1].off + self.segments[-1].len if self.segments else 0

    def _append(self, span: Span, blocks: bytes) -> SegmentKept:
        data = blocks if self.segments else pcapng.OPENING + blocks
        segment = self._described(span, data)
        self._disk.append(self._media, data)
        self._disk.append(self._index, _row(segment))
        self._take(segment, data)
        return segment

    def _described(self, span: Span, data: bytes) -> SegmentKept:
        prefix = self._digest.copy()
        prefix.update(data)
        return SegmentKept(
            track=self._track,
            stretch=self._stretch,
            seg=len(self.segments),
            off=self._length,
            len=len(data),
            since=span.since,
            until=span.until,
            sha256=sha256(data).hexdigest(),
            prefix=prefix.hexdigest(),
        )

    def _take(self, segment: SegmentKept, data: bytes) -> None:
        self.segments.append(segment)
        self._digest.update(data)
        self._index_bytes += len(_row(segment))

    def _take_up(self, row: bytes, media: BinaryIO) -> None:
        try:
            told = json.loads(row)
            span = Span(_millis(told["t0"]), _millis(told["t1"]))
            data = media.read(told["len"])
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise OSError(f"{self._index.name} has a row that cannot be read") from error
        segment = self._described(span, data)
        if _row(segment) != row:
            raise OSError(f"{self._media.name} is not what its index says")
        self._take(segment, data)

    def _forget(self) -> None:
        self.segments, self._digest, self._index_bytes = [], sha256(), 0

    def _sealed(self, path: Path, digest: str, size: int) -> FileSealed:
        return FileSealed(stretch=self._stretch, name=path.name, sha256=digest, size=size)


class StretchFiles:
    """All that is on disk of one stretch, and the facts to be told of it."""

    def __init__(self, disk: Disk, folder: Path, plan: RecordPlan) -> None:
        self._disk = disk
        self._plan = plan
        self._originals = {
            track: Original(disk, folder, track=track, stretch=plan.stretch) for track in plan.tracks
        }
        self._notebook = folder / f"account-{plan.stretch}.jsonl"
        self._noted = 0  # bytes of the notebook
        self._gaps: list[GapFound] = []
        self._begun = False

    def begin(self) -> bool:
        """Whether the stretch is new; otherwise what an earlier recorder left is taken up. Raises: OSError."""
        self._disk.make_folder(self._notebook.parent)
        new = not self._notebook.exists() and not any(each.exists for each in self._originals.values())
        if new:
            self._disk.append(self._notebook, b"")
        else:
            self._take_up()
        self._begun = True
        return new

    def keep(self, track: str, tile: Tile) -> SegmentKept | GapFound:
        """Writes down the next segment or gap of a track. Raises: OSError; then only `finish` may be called."""
        if tile.reason is None:
            return self._originals[track].keep(tile.span, tile.packets)
        gap = self._gap(track, tile.span, tile.reason)
        self._note([gap])
        self._gaps.append(gap)
        return gap

    def finish(self, until: int, *, untold: str | None) -> list[Fact]:
        """Closes every file; the facts that were not yet told.

        `untold`: None if every tile of the stretch was kept. Otherwise something went wrong: what is not
        acknowledged is cut off, what nothing accounts for becomes a gap of this reason, and everything is
        told again. Raises: OSError; then it may be called again.
        """
        facts: list[Fact] = []
        if untold is not None:
            self._make_whole(until, untold)
            facts += [segment for original in self._originals.values() for segment in original.segments]
            facts += self._gaps
        return facts + [sealed for original in self._originals.values() for sealed in original.seal()]

    def _make_whole(self, until: int, reason: str) -> None:
        if not self._begun:
            self.begin()
        for original in self._originals.values():
            original.rewind()
            original.cut(until)
        self._gaps = [_clipped(gap, until) for gap in self._gaps if gap.since < until]
        whole = Span(self._plan.since, until)
        found = [
            self._gap(track, hole, reason)
            for track in self._originals
            for hole in holes(whole, self._covered(track))
        ]
        self._gaps += found
        with suppress(OSError):  # said of a disk that fails: the notebook may miss it, the report does not
            self._disk.truncate(self._notebook, self._noted)
            self._note(found)

    def _covered(self, track: str) -> list[Span]:
        segments = [Span(each.since, each.until) for each in self._originals[track].segments]
        return segments + [Span(gap.since, gap.until) for gap in self._gaps if gap.track == track]

    def _take_up(self) -> None:
        for original in self._originals.values():
            original.load()
        stored = self._notebook.read_bytes() if self._notebook.exists() else b""
        whole = stored[: stored.rfind(b"\n") + 1]
        self._disk.append(self._notebook, b"")
        self._disk.truncate(self._notebook, len(whole))
        self._noted = len(whole)
        noted = map(GapFound.model_validate_json, whole.splitlines())
        self._gaps = [gap for gap in noted if gap.track in self._originals]

    def _gap(self, track: str, span: Span, reason: str) -> GapFound:
        return GapFound(
            track=track, stretch=self._plan.stretch, since=span.since, until=span.until, reason=reason
        )

    def _note(self, gaps: list[GapFound]) -> None:
        lines = b"".join(gap.model_dump_json().encode() + b"\n" for gap in gaps)
        self._disk.append(self._notebook, lines)
        self._noted += len(lines)


def _clipped(gap: GapFound, until: int) -> GapFound:
    return gap.model_copy(update={"until": min(gap.until, until)})


def _blocks_before(until: int, data: bytes) -> bytes:
    """The blocks of a segment whose packets came before `until`; nothing if there is no media among them."""
    opening = b"" if data.startswith(pcapng.OPENING) else pcapng.OPENING
    blocks = list(pcapng.read(io.BytesIO(opening + data)))
    early = [found for found in blocks if found.packet.at_us < until * 1000]
    if all(found.packet.rtcp for found in early):
        return b""
    return (opening + data)[len(pcapng.OPENING) : early[-1].off + early[-1].len]


def _row(segment: SegmentKept) -> bytes:
    """The index row: canonical JSON (RFC 8785) and a line feed."""
    fields: dict[str, int | str] = {
        "seg": segment.seg,
        "off": segment.off,
        "len": segment.len,
        "t0": _written(segment.since),
        "t1": _written(segment.until),
        "sha256": segment.sha256,
    }
    return rfc8785.dumps(dict(fields)) + b"\n"


def _written(at: int) -> str:
    seconds, millis = divmod(at, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{millis:03}Z"


def _millis(written: str) -> int:
    moment = datetime.strptime(written, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
