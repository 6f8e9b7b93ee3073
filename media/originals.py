"""The originals in storage: a pcapng and its index for each track and stretch, and the stretch's gaps.

Whatever is returned from here is on disk. Everything here blocks; the recorder calls it from its writer thread only.

`<track>-<stretch>.pcapng` is locked (`media.locked`), a frame for each segment: who began it can read it while the
process lives, nobody else here can. `<track>-<stretch>.index.jsonl` is the truth about it: a row is written after its
frame, so bytes behind the last row were never acknowledged and are cut off. Where storage has less than was
acknowledged (a disk that lied) a recorder that is started again takes up the segments before, and whoever knew the
others sees that they are missing. `<track>-<stretch>.tail` is what came of the segment that is under way, put by in
case this recorder does not live to keep it: then it becomes the last segment. It is not forced to disk, so it helps
where the process ends and the machine does not. `account-<stretch>.jsonl` is the recorder's own notebook and no part of the record:
it shows that a stretch was begun, and keeps the gaps that were reported, so that a worker started again says the same
of them.
"""

import io
import json
import struct
import zlib
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple

from media import pcapng
from media.account import Span, Tile, holes
from media.control import Fact, FileSealed, GapFound, RecordPlan, SegmentKept
from media.locked import AROUND, HEAD, Lock, NotOpened, digest_of
from media.storage import Storage

RECENT = 64  # segments, the last of which can be cut into
_CHECKSUM = struct.Struct("!I")  # CRC-32 of what follows
_LENGTHS = struct.Struct("!II")  # bytes of the row, bytes for the media file
_BEFORE = _CHECKSUM.size + _LENGTHS.size


class _Content(NamedTuple):
    """The bytes of a segment, and the digests up to its end: of the whole file, and of the segment."""

    data: bytes
    whole: Any
    own: Any

    def with_more(self, blocks: bytes) -> "_Content":
        whole, own = self.whole.copy(), self.own.copy()
        whole.update(blocks)
        own.update(blocks)
        return _Content(self.data + blocks, whole, own)


class Original:
    """The files of one track in one stretch, and what of them is acknowledged."""

    def __init__(self, storage: Storage, lock: Lock, *, track: str, stretch: int) -> None:
        self.segments: list[SegmentKept] = []
        self._storage = storage
        self._lock = lock
        self._track, self._stretch = track, stretch
        name = f"{track}-{stretch}"
        self._media, self._index, self._tail = f"{name}.pcapng", f"{name}.index.jsonl", f"{name}.tail"
        self._source = pcapng.address(track)
        self._digest = sha256()
        self._recent: deque[tuple[int, Any]] = deque(maxlen=RECENT)  # segment, and the digest before it
        self._index_bytes = 0
        self._begun: tuple[int, pcapng.Packet, int, _Content] | None = (
            None  # of this segment, up to this packet
        )

    @property
    def exists(self) -> bool:
        return any(self._storage.size(name) is not None for name in (self._media, self._index))

    def keep(self, span: Span, packets: Sequence[pcapng.Packet]) -> SegmentKept:
        """Writes the next segment, then its row. Raises: OSError; then call `rewind` before anything else."""
        return self._append(span, self._content(packets))

    def put_by(self, span: Span, packets: Sequence[pcapng.Packet]) -> None:
        """Sets aside what is in hand of the next segment, for whoever takes this up if it is never kept.
        Raises: OSError.
        """
        content = self._content(packets)
        segment, stored = self._made(span, content)
        row = _row(segment)
        parts = _LENGTHS.pack(len(row), sum(map(len, stored))), row, *stored
        checksum = 0
        for part in parts:
            checksum = zlib.crc32(part, checksum)
        self._storage.put_by(self._tail, _CHECKSUM.pack(checksum), *parts)
        self._begun = segment.seg, packets[-1], len(packets), content

    def forget_tail(self) -> None:
        """Nothing of this track is under way any more. Raises: OSError."""
        if self._storage.size(self._tail) is not None:
            self._storage.remove(self._tail)

    def rewind(self) -> None:
        """Cuts off what was written but never acknowledged. Raises: OSError."""
        for name, wanted in self._wanted:
            size = self._storage.size(name)
            if (size or 0) < wanted:
                raise OSError(f"{name} is shorter than what was written to it")
            if not wanted and size is not None:
                self._storage.remove(name)
            elif size != wanted and size is not None:
                self._storage.truncate(name, wanted)

    def load(self) -> None:
        """Takes up the files of an earlier recorder as far as they are there, and cuts off what it did not live to
        acknowledge.

        Raises: OSError if the files contradict each other; then they are left as they are.
        """
        self.segments, self._index_bytes = [], 0
        self._recent.clear()
        rows = self._storage.read(self._index)
        whole = rows[: rows.rfind(b"\n") + 1].splitlines(keepends=True)
        if whole and (size := self._storage.size(self._media)):
            with self._storage.open(self._media) as media:
                for row in whole:
                    media.seek(self._place_of(len(self.segments)))
                    around = media.read(AROUND)
                    if len(around) < AROUND or not any(around):
                        break  # gone, or a length without content, as some file systems restore it
                    segment = self._taken_up(row, around)
                    if media.tell() + segment.len > size:
                        break  # half of it is gone
                    self._take(segment, row)
        self.rewind()
        if set_aside := self._set_aside():
            segment, stored = set_aside
            self._write(segment, (stored,))

    def cut(self, until: int) -> None:
        """Takes away what came at `until` or later, although it is written. Of a segment that an earlier recorder
        wrote, all of it: it cannot be read here. Raises: OSError.
        """
        beyond = next((segment for segment in self.segments if segment.until > until), None)
        if beyond is None:
            return
        data = self._read_again(beyond)
        digest = dict(self._recent).get(beyond.seg)
        for segment in self.segments[beyond.seg :]:
            self._index_bytes -= len(_row(segment))
        del self.segments[beyond.seg :]
        self.rewind()
        if data is not None and digest is not None:
            self._digest = digest.copy()
            if shorter := _blocks_before(until, data):
                opening = b"" if self.segments else pcapng.OPENING
                self._append(Span(beyond.since, until), self._empty().with_more(opening + shorter))

    def seal(self) -> list[FileSealed]:
        """The two files are complete; none if nothing was kept. Raises: OSError if one is not as long as it was."""
        if not self.segments:
            return []
        for name, wanted in self._wanted:
            if self._storage.size(name) != wanted:
                raise OSError(f"{name} is not as long as what was written to it")
        index = self._storage.read(self._index)
        return [
            self._sealed(self._media, self.segments[-1].prefix, self._length),
            self._sealed(self._index, sha256(index).hexdigest(), len(index)),
        ]

    @property
    def _length(self) -> int:
        return self.segments[-1].off + self.segments[-1].len if self.segments else 0

    @property
    def _wanted(self) -> list[tuple[str, int]]:
        """Both files, and how many bytes of them are acknowledged."""
        stored = self._place_of(len(self.segments)) if self.segments else 0
        return [(self._media, stored), (self._index, self._index_bytes)]

    def _place_of(self, seg: int) -> int:
        """Where the frame of a segment begins in storage."""
        off = self.segments[seg].off if seg < len(self.segments) else self._length
        return HEAD + off + seg * AROUND

    def _append(self, span: Span, content: "_Content") -> SegmentKept:
        segment, stored = self._made(span, content)
        before, self._digest = self._digest, content.whole
        self._write(segment, stored)
        self._recent.append((segment.seg, before))
        return segment

    def _content(self, packets: Sequence[pcapng.Packet]) -> "_Content":
        """Of the next segment. What was put by of it is not made anew."""
        if self._begun is not None:
            seg, last, number, content = self._begun
            if seg == len(self.segments) and packets[number - 1 : number] == [last]:
                return content.with_more(pcapng.blocks(packets[number:], source=self._source))
        opening = b"" if self.segments else pcapng.OPENING
        return self._empty().with_more(opening + pcapng.blocks(packets, source=self._source))

    def _empty(self) -> "_Content":
        return _Content(b"", self._digest, sha256())

    def _made(self, span: Span, content: "_Content") -> tuple[SegmentKept, tuple[bytes, ...]]:
        """The next segment, and what the media file has to hold of it, in parts."""
        segment = SegmentKept(
            track=self._track,
            stretch=self._stretch,
            seg=len(self.segments),
            off=self._length,
            len=len(content.data),
            since=span.since,
            until=span.until,
            sha256=content.own.hexdigest(),
            prefix=content.whole.hexdigest(),
        )
        frame = self._lock.shut_in_parts(self._media, segment.seg, content.data, content.whole.digest())
        return segment, frame if self.segments else (self._lock.head, *frame)

    def _write(self, segment: SegmentKept, stored: tuple[bytes, ...]) -> None:
        self._storage.append(self._media, *stored)
        row = _row(segment)
        self._storage.append(self._index, row)
        self._take(segment, row)

    def _set_aside(self) -> tuple[SegmentKept, bytes] | None:
        """What an earlier recorder put by and did not live to keep; None if it kept it, or it is not whole."""
        tail = self._storage.read(self._tail)
        if len(tail) < _BEFORE:
            return None
        (checksum,), (row_bytes, stored_bytes) = (
            _CHECKSUM.unpack_from(tail),
            _LENGTHS.unpack_from(tail, _CHECKSUM.size),
        )
        end = _BEFORE + row_bytes + stored_bytes
        if end > len(tail) or zlib.crc32(memoryview(tail)[_CHECKSUM.size : end]) != checksum:
            return None
        row, stored = tail[_BEFORE:][:row_bytes], tail[_BEFORE + row_bytes : end]
        frame = stored if self.segments else stored[HEAD:]
        try:
            return self._taken_up(row, frame[:AROUND]), stored
        except OSError:  # of a segment that was kept, or follows one that is gone
            return None

    def _take(self, segment: SegmentKept, row: bytes) -> None:
        self.segments.append(segment)
        self._index_bytes += len(row)

    def _taken_up(self, row: bytes, around: bytes) -> SegmentKept:
        """The segment of this row, which follows those before, with the digest that its frame bears."""
        try:
            told = json.loads(row)
            digest = digest_of(around, length=told["len"])
            segment = SegmentKept(
                track=self._track,
                stretch=self._stretch,
                seg=len(self.segments),
                off=self._length,
                len=told["len"],
                since=_millis(told["t0"]),
                until=_millis(told["t1"]),
                sha256=told["sha256"],
                prefix=digest.hex(),
            )
        except NotOpened as error:
            raise OSError(f"{self._media} is not what its index says") from error
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise OSError(f"{self._index} has a row that cannot be read") from error
        if _row(segment) != row:
            raise OSError(f"{self._index} has a row that does not follow the one before")
        return segment

    def _read_again(self, segment: SegmentKept) -> bytes | None:
        """Its content; None if another recorder wrote it."""
        with self._storage.open(self._media) as file:
            file.seek(self._place_of(segment.seg))
            frame = file.read(segment.len + AROUND)
        try:
            return self._lock.opened(self._media, segment.seg, frame)
        except NotOpened:
            return None

    def _sealed(self, name: str, digest: str, size: int) -> FileSealed:
        return FileSealed(stretch=self._stretch, name=name, sha256=digest, size=size)


class StretchFiles:
    """All that is on disk of one stretch, and the facts to be told of it."""

    def __init__(self, storage: Storage, lock: Lock, plan: RecordPlan) -> None:
        self._storage = storage
        self._plan = plan
        self._originals = {
            track: Original(storage, lock, track=track, stretch=plan.stretch) for track in plan.tracks
        }
        self._notebook = f"account-{plan.stretch}.jsonl"
        self._noted = 0  # bytes of the notebook
        self._gaps: list[GapFound] = []
        self._begun = False

    def begin(self) -> bool:
        """Whether the stretch is new; otherwise what an earlier recorder left is taken up. Raises: OSError."""
        self._storage.prepare()
        begun = self._storage.size(self._notebook) is not None
        new = not begun and not any(each.exists for each in self._originals.values())
        if new:
            self._storage.append(self._notebook, b"")
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

    def put_by(self, track: str, tile: Tile) -> None:
        """Sets aside what is in hand of a segment. Raises: OSError; then only `finish` may be called."""
        self._originals[track].put_by(tile.span, tile.packets)

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
        sealed = [each for original in self._originals.values() for each in original.seal()]
        for original in self._originals.values():
            original.forget_tail()
        return facts + sealed

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
            self._storage.truncate(self._notebook, self._noted)
            self._note(found)

    def _covered(self, track: str) -> list[Span]:
        segments = [Span(each.since, each.until) for each in self._originals[track].segments]
        return segments + [Span(gap.since, gap.until) for gap in self._gaps if gap.track == track]

    def _take_up(self) -> None:
        for original in self._originals.values():
            original.load()
        stored = self._storage.read(self._notebook)
        whole = stored[: stored.rfind(b"\n") + 1]
        self._storage.append(self._notebook, b"")
        self._storage.truncate(self._notebook, len(whole))
        self._noted = len(whole)
        noted = map(GapFound.model_validate_json, whole.splitlines())
        self._gaps = [gap for gap in noted if gap.track in self._originals]

    def _gap(self, track: str, span: Span, reason: str) -> GapFound:
        return GapFound(
            track=track, stretch=self._plan.stretch, since=span.since, until=span.until, reason=reason
        )

    def _note(self, gaps: list[GapFound]) -> None:
        lines = b"".join(gap.model_dump_json().encode() + b"\n" for gap in gaps)
        self._storage.append(self._notebook, lines)
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
    """The row of the index: canonical JSON (RFC 8785) and a line feed. Of ASCII names and whole numbers it is what
    the quick encoder writes, with its names in order.
    """
    fields = {
        "len": segment.len,
        "off": segment.off,
        "seg": segment.seg,
        "sha256": segment.sha256,
        "t0": _written(segment.since),
        "t1": _written(segment.until),
    }
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


def _written(at: int) -> str:
    seconds, millis = divmod(at, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{millis:03}Z"


def _millis(written: str) -> int:
    moment = datetime.strptime(written, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
