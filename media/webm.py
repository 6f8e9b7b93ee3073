"""Writes a WebM file: sound and pictures as they were received, nothing decoded, the same bytes for the same film.

Matroska (RFC 9559) in the subset of WebM: EBML head; a segment of known size with what can be found where, the film's
beginning and length, its tracks, chapters where something is missing, cues, and clusters. Cues come first, so that a
browser can seek in what it has not fetched. Everything is laid out before the first byte is written; what the blocks
hold is read when they are.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from heapq import merge
from typing import NamedTuple

LONGEST_CLUSTER = 5000  # ms
WRITER = "Viva Voce, derived from the original"
_SINCE_2001 = int(datetime(2001, 1, 1, tzinfo=UTC).timestamp()) * 1000
_SEEK_PRE_ROLL = 80_000_000  # ns, as RFC 7845 section 4.6 has it for Opus
_KEY = 0x80


class Piece(NamedTuple):
    """Bytes of a recording."""

    off: int
    len: int


class Unit(NamedTuple):
    """A packet of sound, or a picture: `at` ms after the film begins; its bytes are the pieces, one after another."""

    at: int
    key: bool
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Track:
    """`size`: width and height of pictures, None for sound (Opus). Units rise in time. `read` gives their bytes."""

    name: str
    units: Sequence[Unit]
    read: Callable[[Piece], bytes]
    size: tuple[int, int] | None = None


class Mark(NamedTuple):
    """From when to when, in ms after the film begins, something is missing; and what."""

    since: int
    until: int
    words: str


@dataclass(frozen=True)
class Film:
    """`begins`: ms since 1970; `length`: ms."""

    begins: int
    length: int
    tracks: Sequence[Track]
    marks: Sequence[Mark] = ()


class _Block(NamedTuple):
    at: int
    track: int
    unit: Unit


@dataclass
class _Cluster:
    at: int
    blocks: list[_Block] = field(default_factory=list)


def write(film: Film, put: Callable[[bytes], None]) -> None:
    """Gives the file to `put`, piece by piece, a cluster at a time."""
    clusters = list(_clusters(film))
    sizes = [_size_of(cluster) for cluster in clusters]
    front = [_info(film), _tracks(film.tracks)]
    if film.marks:
        front.append(_chapters(film))
    cues = _cues(clusters, [0] * len(clusters))
    seeks = len(_seek_head([(each[:4], 0) for each in [*front, cues]]))
    places, at = [], seeks
    for each in [*front, cues]:
        places.append((each[:4], at))
        at += len(each)
    begins = []
    for size in sizes:
        begins.append(at)
        at += size
    put(_head() + bytes.fromhex("18538067") + _long(at) + _seek_head(places))
    for each in front:
        put(each)
    put(_cues(clusters, begins))
    for cluster in clusters:
        put(_written(cluster, film.tracks))


def _clusters(film: Film) -> Iterator[_Cluster]:
    """A cluster begins with each key frame, so that it can be cued, and lasts at most five seconds."""
    cluster: _Cluster | None = None
    for block in merge(*(_blocks(number, track) for number, track in enumerate(film.tracks, 1))):
        picture = film.tracks[block.track - 1].size is not None
        if (
            cluster is None
            or block.at - cluster.at >= LONGEST_CLUSTER
            or (picture and block.unit.key and cluster.blocks)
        ):
            if cluster is not None:
                yield cluster
            cluster = _Cluster(block.at)
        cluster.blocks.append(block)
    if cluster is not None:
        yield cluster


def _blocks(number: int, track: Track) -> Iterator[_Block]:
    return (_Block(unit.at, number, unit) for unit in track.units)


def _length(unit: Unit) -> int:
    return sum(piece.len for piece in unit.pieces)


# --- the parts -------------------------------------------------------------------------------------


def _head() -> bytes:
    return _element(
        "1A45DFA3",
        _number("4286", 1)
        + _number("42F7", 1)
        + _number("42F2", 4)
        + _number("42F3", 8)
        + _text("4282", "webm")
        + _number("4287", 4)
        + _number("4285", 2),
    )


def _seek_head(places: Iterable[tuple[bytes, int]]) -> bytes:
    """Of fixed length, whatever the places."""
    seeks = (
        _element("4DBB", _element("53AB", name) + _element("53AC", at.to_bytes(8, "big")))
        for name, at in places
    )
    return _element("114D9B74", b"".join(seeks))


def _info(film: Film) -> bytes:
    begins = (film.begins - _SINCE_2001) * 1_000_000
    return _element(
        "1549A966",
        _number("2AD7B1", 1_000_000)
        + _element("4489", struct.pack(">d", film.length))
        + _element("4461", begins.to_bytes(8, "big", signed=True))
        + _text("4D80", WRITER)
        + _text("5741", WRITER),
    )


def _tracks(tracks: Sequence[Track]) -> bytes:
    return _element("1654AE6B", b"".join(_track(number, track) for number, track in enumerate(tracks, 1)))


def _track(number: int, track: Track) -> bytes:
    common = (
        _number("D7", number)
        + _number("73C5", _identity(track.name))
        + _number("83", 2 if track.size is None else 1)
        + _number("9C", 0)
        + _text("536E", track.name)
        + _text("22B59C", "und")
    )
    if track.size is None:
        opus = b"OpusHead" + struct.pack("<BBHIhB", 1, 2, 0, 48_000, 0, 0)
        sound = _element("B5", struct.pack(">d", 48_000)) + _number("9F", 2)
        own = (
            _text("86", "A_OPUS")
            + _element("63A2", opus)
            + _number("56AA", 0)
            + _number("56BB", _SEEK_PRE_ROLL)
            + _element("E1", sound)
        )
    else:
        width, height = track.size
        own = _text("86", "V_VP8") + _element("E0", _number("B0", width) + _number("BA", height))
    return _element("AE", common + own)


def _chapters(film: Film) -> bytes:
    atoms = (
        _element(
            "B6",
            _number("73C4", _identity(f"{number} {mark}"))
            + _number("91", mark.since * 1_000_000)
            + _number("92", mark.until * 1_000_000)
            + _element("80", _text("85", mark.words) + _text("437C", "und")),
        )
        for number, mark in enumerate(film.marks)
    )
    edition = _number("45BC", _identity("chapters")) + b"".join(atoms)
    return _element("1043A770", _element("45B9", edition))


def _cues(clusters: Sequence[_Cluster], begins: Sequence[int]) -> bytes:
    """Of fixed length, wherever the clusters begin. A cluster is cued by the first of its blocks."""
    points = (
        _element(
            "BB",
            _number("B3", cluster.at)
            + _element("B7", _number("F7", cluster.blocks[0].track) + _element("F1", at.to_bytes(8, "big"))),
        )
        for cluster, at in zip(clusters, begins, strict=True)
        if cluster.blocks[0].unit.key
    )
    return _element("1C53BB6B", b"".join(points))


def _written(cluster: _Cluster, tracks: Sequence[Track]) -> bytes:
    parts = [_number("E7", cluster.at)]
    for block in cluster.blocks:
        read = tracks[block.track - 1].read
        head = bytes((0x80 | block.track,)) + struct.pack(
            ">hB", block.at - cluster.at, _KEY if block.unit.key else 0
        )
        parts.append(b"\xa3" + _size(len(head) + _length(block.unit)) + head)
        parts += [read(piece) for piece in block.unit.pieces]
    return _element("1F43B675", b"".join(parts))


def _size_of(cluster: _Cluster) -> int:
    inside = len(_number("E7", cluster.at))
    for block in cluster.blocks:
        body = 4 + _length(block.unit)
        inside += 1 + len(_size(body)) + body
    return 4 + len(_size(inside)) + inside


# --- EBML (RFC 8794) -------------------------------------------------------------------------------


def _element(name: str, body: bytes) -> bytes:
    return bytes.fromhex(name) + _size(len(body)) + body


def _number(name: str, value: int) -> bytes:
    return _element(name, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def _text(name: str, text: str) -> bytes:
    return _element(name, text.encode())


def _size(value: int) -> bytes:
    """In as few bytes as may be; all ones are kept for unknown sizes."""
    length = next(each for each in range(1, 9) if value < (1 << 7 * each) - 1)
    return (1 << 7 * length | value).to_bytes(length, "big")


def _long(value: int) -> bytes:
    """A size in eight bytes."""
    return (1 << 56 | value).to_bytes(8, "big")


def _identity(name: str) -> int:
    """A number other than 0 that stands for this name."""
    return int.from_bytes(sha256(name.encode()).digest()[:7], "big") | 1
