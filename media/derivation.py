"""The copy for playing, derived from the originals: whoever has these derives the same bytes again.

A track's packets are put in order, each SSRC for itself, and placed on one clock (`oneclock`). Every packet of sound
becomes a block. A picture becomes one if all its packets are there and so are those of all pictures since the last key
frame: what rests on something that is missing would be shown broken, so the picture stands until the next key frame.
Time that is missing stays in the film, and is marked.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import merge
from pathlib import PurePosixPath
from typing import BinaryIO, NamedTuple

from media import pcapng
from media.adapter import MalformedRtcp
from media.channels import Kind
from media.oneclock import Fastest, StreamClock
from media.reception import Reception
from media.rtcp import NTP_EPOCH, read_feedback
from media.rtp_header import MalformedRtp, RtpPacket, read_rtp, read_vp8
from media.webm import Film, Mark, Piece, Track, Unit

OPUS_RATE, PICTURE_RATE = 48_000, 90_000
_FIRST, _LAST, _KEY, _BODY = 1, 2, 4, 8
SMALLEST = (16, 16)


def _column() -> "array[int]":
    return array("q")


@dataclass
class _Run:
    """The packets of one SSRC from one beginning of its numbers to the next, a column for each thing kept."""

    clock: StreamClock
    index: "array[int]" = field(default_factory=_column)
    rtp: "array[int]" = field(default_factory=_column)
    came: "array[int]" = field(default_factory=_column)
    off: "array[int]" = field(default_factory=_column)
    len: "array[int]" = field(default_factory=_column)
    what: "array[int]" = field(default_factory=_column)


@dataclass
class _Ssrc:
    reception: Reception
    clock: StreamClock
    runs: list[_Run] = field(default_factory=list)
    epoch: int = -1
    newest: int | None = None  # RTP time, unwrapped

    def unwrapped(self, rtp: int) -> int:
        """Near the newest; the first is taken a turn up, so that none before it is below zero."""
        if self.newest is None:
            return 2**32 + rtp
        return self.newest + (rtp - self.newest + 2**31) % 2**32 - 2**31


class _Placed(NamedTuple):
    """A packet of sound, or a picture, and when it was sent, in µs since 1970."""

    at: int
    key: bool
    pieces: tuple[Piece, ...]


class Original:
    """One track's original, read through once. `track`: `<handle>-<kind>`; `stream`: its content in the clear, which
    stays open as long as the film is written. Raises: NotOriginal.
    """

    def __init__(self, track: str, stream: BinaryIO, sender: Fastest) -> None:
        self.track = track
        self._largest = SMALLEST
        self._stream = stream
        self._sender = sender
        self._picture = Kind(track.partition("-")[2]).carrier is not Kind.AUDIO
        self._rate = PICTURE_RATE if self._picture else OPUS_RATE
        self._ssrcs: dict[int, _Ssrc] = {}
        for block in pcapng.read(stream):
            if block.packet.rtcp:
                self._report(block.packet)
            else:
                self._packet(block)

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the largest picture; None of sound."""
        return self._largest if self._picture else None

    def read(self, piece: Piece) -> bytes:
        self._stream.seek(piece.off)
        return self._stream.read(piece.len)

    def units(self, begins: int, length: int) -> list[Unit]:
        """What there is to see or hear, in ms after `begins`; the originals of the same sender must have been read.

        Of a moment outside the film, at its nearer end.
        """
        runs = [run for ssrc in self._ssrcs.values() for run in ssrc.runs]
        numbered = (_rising(number, self._placed(run)) for number, run in enumerate(runs))
        placed = merge(*numbered)
        units: list[Unit] = []
        for micros, one in _one_at_a_time(placed) if self._picture else ((at, one) for at, _, one in placed):
            at = max(0, min(length, micros // 1000 - begins))
            if self._picture:
                at = _place_for(at, units, key=one.key)
            units.append(Unit(at, one.key, one.pieces))
        return units

    # --- reading

    def _ssrc(self, ssrc: int) -> _Ssrc:
        if ssrc not in self._ssrcs:
            clock = StreamClock(self._rate, self._sender)
            self._ssrcs[ssrc] = _Ssrc(Reception(self._rate, asks_again=False), clock)
        return self._ssrcs[ssrc]

    def _packet(self, block: pcapng.Block) -> None:
        try:
            packet = read_rtp(block.packet.data)
            what, body = self._what(packet)
        except MalformedRtp:
            return
        ssrc = self._ssrc(packet.ssrc)
        came = block.packet.at_us
        index = ssrc.reception.arrived(packet.sequence, packet.timestamp, came / 1_000_000)
        if index is None:
            return
        rtp = ssrc.unwrapped(packet.timestamp)
        if ssrc.epoch != ssrc.reception.epoch:
            ssrc.epoch = ssrc.reception.epoch
            ssrc.runs.append(_Run(ssrc.clock))
        ssrc.newest = rtp if ssrc.newest is None else max(rtp, ssrc.newest)
        ssrc.clock.packet(rtp, came)
        run = ssrc.runs[-1]
        run.index.append(index)
        run.rtp.append(rtp)
        run.came.append(came)
        padding = block.packet.data[-1] if block.packet.data[0] & 0x20 else 0
        run.off.append(block.data + len(block.packet.data) - padding - len(packet.payload) + body)
        run.len.append(len(packet.payload) - body)
        run.what.append(what)

    def _what(self, packet: RtpPacket) -> tuple[int, int]:
        """Flags, and how many bytes of the payload come before what is kept. Raises: MalformedRtp."""
        if not packet.payload:
            return 0, 0
        if not self._picture:
            return _BODY | _FIRST | _LAST | _KEY, 0
        vp8 = read_vp8(packet.payload)
        if vp8.keyframe:
            self._measure(packet.payload[vp8.body :])
        what = _BODY | (_FIRST if vp8.begins else 0) | (_LAST if packet.marker else 0)
        return what | (_KEY if vp8.keyframe else 0), vp8.body

    def _measure(self, frame: bytes) -> None:
        """A key frame says how large it is (RFC 6386 section 9.1); the film is as large as the largest."""
        if len(frame) >= 10 and frame[3:6] == b"\x9d\x01\x2a":
            width = int.from_bytes(frame[6:8], "little") & 0x3FFF
            height = int.from_bytes(frame[8:10], "little") & 0x3FFF
            self._largest = max(self._largest, (width, height))

    def _report(self, packet: pcapng.Packet) -> None:
        try:
            feedback = read_feedback(packet.data)
        except MalformedRtcp:
            return
        for number, (ntp, rtp) in feedback.sent.items():
            ssrc = self._ssrcs.get(number)
            if ssrc is not None:
                micros = (ntp * 1_000_000 >> 32) - NTP_EPOCH * 1_000_000
                ssrc.clock.report(ssrc.unwrapped(rtp), micros, packet.at_us)

    # --- putting together

    def _placed(self, run: _Run) -> Iterator[_Placed]:
        order = sorted(range(len(run.index)), key=run.index.__getitem__)
        return _pictures(run, order) if self._picture else _sounds(run, order)


def _rising(number: int, placed: Iterable[_Placed]) -> Iterator[tuple[int, int, _Placed]]:
    """With times that never fall, and the number of the run."""
    newest = 0
    for one in placed:
        newest = max(newest, one.at)
        yield newest, number, one


def _one_at_a_time(placed: Iterable[tuple[int, int, _Placed]]) -> Iterator[tuple[int, _Placed]]:
    """Pictures of one run after those of another: another layer, or another connection, begins with a key frame.

    Both layers may have one of the same moment. What came before the one that is shown does not take its place again.
    """
    shown, begun = -1, -1
    for micros, number, one in placed:
        came = one.pieces[0].off
        if number != shown:
            if not one.key or came < begun:
                continue
            shown, begun = number, came
        yield micros, one


def _place_for(at: int, units: list[Unit], *, key: bool) -> int:
    """Of pictures no two have one time. What a key frame follows at once is left out: it would not be seen."""
    while key and units and units[-1].at >= at:
        units.pop()
    return max(at, units[-1].at + 1) if units else at


def _sounds(run: _Run, order: Sequence[int]) -> Iterator[_Placed]:
    for n in order:
        if run.what[n]:
            yield _Placed(run.clock.at(run.rtp[n], run.came[n]), True, (Piece(run.off[n], run.len[n]),))


def _pictures(run: _Run, order: Sequence[int]) -> Iterator[_Placed]:
    whole = False  # all pictures since a key frame are there
    expected = -1
    parts: list[int] = []  # of the picture in hand
    for n in order:
        what = run.what[n]
        if run.index[n] != expected:
            whole, parts = False, []
        expected = run.index[n] + 1
        if what & _FIRST:
            whole = bool(what & _KEY) or (whole and not parts)
            parts = [n]
        elif what and parts:
            parts.append(n)
        if what & _LAST and parts:
            if whole:
                first = parts[0]
                pieces = tuple(Piece(run.off[part], run.len[part]) for part in parts)
                at = run.clock.at(run.rtp[first], run.came[first])
                yield _Placed(at, bool(run.what[first] & _KEY), pieces)
            parts = []


def film(
    originals: Iterable[tuple[str, BinaryIO]], *, begins: int, until: int, marks: Iterable[Mark] = ()
) -> Film:
    """Of these tracks of one stretch, which began and ended at these ms since 1970. Raises: NotOriginal."""
    senders: dict[str, Fastest] = {}
    read = [
        Original(track, stream, senders.setdefault(track.partition("-")[0], Fastest()))
        for track, stream in originals
    ]
    length = until - begins
    tracks = [
        Track(
            name=original.track,
            units=original.units(begins, length),
            read=original.read,
            size=original.size,
        )
        for original in read
    ]
    return Film(begins, length, tracks, sorted(marks))


def track_of(name: str) -> str:
    """Of a file `<handle>-<kind>-<n>.pcapng`."""
    return PurePosixPath(name).stem.rpartition("-")[0]
