"""Verifies the originals of a package and the account of time: bytes, packets, and every millisecond.

An original is a pcapng file (draft-ietf-opsawg-pcapng) of one section with Enhanced Packet Blocks only, in
microseconds, link type 228 or 229 (bare IPv4 or IPv6) with documentation addresses (RFC 5737, RFC 3849).
It is read a segment at a time, which the format holds to 64 MiB, so a recording may be of any length.
Times are milliseconds since 1970-01-01T00:00:00Z unless named otherwise; spans are half open.
"""

import hashlib
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from hearings.container import LARGEST_TEXT, MEDIA, Bundle
from hearings.errors import Unverifiable
from hearings.tree import instant, read_canonical
from hearings.verify_journal import Entry, Log, members

SEGMENT = 2000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_IPV4, _IPV6 = 228, 229
_TIME_RESOLUTION, _TIME_OFFSET = 9, 14


class Span(NamedTuple):
    """A time that is accounted for, by a segment or by a gap."""

    since: int
    until: int
    segment: bool


@dataclass
class Stretch:
    """One time on the record; `tracks` is None where they are concealed."""

    number: int
    since: int
    until: int
    tracks: frozenset[str] | None


class Loss(NamedTuple):
    """What the journal says was lost from disk: `n` segments from segment `first` on."""

    first: int
    n: int


@dataclass
class Recording:
    """What the journal says of sound and picture."""

    stretches: list[Stretch]
    gaps: list[tuple[str, Span]]
    concealed_gaps: int
    progress: dict[tuple[str, int], dict[int, tuple[int, str, int]]] = field(default_factory=dict)
    losses: dict[tuple[str, int], Loss] = field(default_factory=dict)
    concealed_losses: int = 0


class Row(NamedTuple):
    """A line of an index."""

    off: int
    len: int
    span: Span
    sha256: str


def millis(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def tiling_fault(spans: Sequence[Span], since: int, until: int) -> str | None:
    """What is wrong with these spans as an account of `[since, until)`; None if they tile it."""
    place = since
    ordered = sorted(spans)
    for number, span in enumerate(ordered):
        if span.since != place:
            amount = abs(span.since - place)
            return f"{amount} ms are {'not accounted for' if span.since > place else 'accounted for twice'}"
        length = span.until - span.since
        if length <= 0 or (span.segment and length > SEGMENT):
            return f"a segment or gap of {length} ms cannot be"
        if (
            span.segment
            and length < SEGMENT
            and any(after.segment for after in ordered[number + 1 : number + 2])
        ):
            return "a segment is shorter than 2000 ms before another segment"
        place = span.until
    if place != until:
        return f"{abs(until - place)} ms at the end are accounted for {'too little' if place < until else 'too much'}"
    return None


# --- what the journal says ---------------------------------------------------------------------


def recording_of(entries: Sequence[Entry]) -> Recording:
    """Stretches, gaps, progress and losses as the entries tell them. Raises: Unverifiable."""
    told = Recording([], [], 0)
    for entry in entries:
        match entry.kind:
            case "record.on":
                start = millis(entry.time)
                told.stretches.append(Stretch(len(told.stretches) + 1, start, start, _tracks(entry)))
            case "record.off":
                told.stretches[-1].until = millis(entry.time)
            case "media.gap":
                _add_gap(told, entry)
            case "media.progress":
                _add_progress(told, entry)
            case "media.lost":
                _add_loss(told, entry)
    return told


def _tracks(entry: Entry) -> frozenset[str] | None:
    tracks = entry.member("tracks", list)
    if tracks is None:
        return None
    named = [
        track for track in tracks if type(track) is str and MEDIA.fullmatch(f"data/media/{track}-1.webm")
    ]
    if len(named) != len(tracks) or len(set(named)) != len(named):
        raise Unverifiable(f"Entry {entry.seq} names a track twice, or what is no track.")
    return frozenset(named)


def _add_gap(told: Recording, entry: Entry) -> None:
    track, since, until = (entry.member(name, str) for name in ("track", "from", "to"))
    reason = entry.member("reason", str)
    if None in (track, since, until):
        told.concealed_gaps += 1
        return
    if reason is not None and not reason.strip():
        raise Unverifiable(f"The gap of entry {entry.seq} has no reason.")
    told.gaps.append((track, Span(millis(instant(since)), millis(instant(until)), segment=False)))


def _add_progress(told: Recording, entry: Entry) -> None:
    kinds = {"track": str, "n": int, "len": int, "sha256": str}
    rows = [members(row, kinds, f"A line of entry {entry.seq}") for row in entry.member("tracks", list) or ()]
    if rows and not told.stretches:
        raise Unverifiable(f"Entry {entry.seq} tells of a recording before anything was on the record.")
    if len({row["track"] for row in rows}) != len(rows):
        raise Unverifiable(f"Entry {entry.seq} tells twice of a track.")
    for row in rows:
        stretch = told.stretches[-1]
        if stretch.tracks is not None and row["track"] not in stretch.tracks:
            raise Unverifiable(f"Entry {entry.seq} tells of the track {row['track'][:40]} that is none.")
        said = (row["len"], row["sha256"], entry.seq)
        before = told.progress.setdefault((row["track"], stretch.number), {}).setdefault(row["n"], said)
        if before[:2] != said[:2]:
            raise Unverifiable(f"Entries {before[2]} and {entry.seq} contradict each other on a recording.")


def _add_loss(told: Recording, entry: Entry) -> None:
    track, number = entry.member("track", str), entry.member("stretch", int)
    first, n = entry.member("first", int), entry.member("n", int)
    if None in (track, number, first, n):
        told.concealed_losses += 1
        return
    if not 1 <= number <= len(told.stretches) or first < 0 or n < 1:
        raise Unverifiable(f"Entry {entry.seq} tells of a loss that cannot be.")
    before = told.losses.get((track, number), Loss(first, 0))
    told.losses[track, number] = Loss(min(first, before.first), n + before.n)


def _still_there(told: Recording, key: tuple[str, int], segments: int) -> dict[int, tuple[int, str, int]]:
    """What the journal anchored of a recording of so many segments, but for what it says was lost. Raises: Unverifiable."""
    said, loss = told.progress.get(key, {}), told.losses.get(key)
    if loss is not None and (segments != loss.first or any(n > loss.first + loss.n for n in said)):
        raise Unverifiable(
            f"What the journal says was lost of {key[0]} in stretch {key[1]} is not what is missing."
        )
    if loss is not None or told.concealed_losses:
        return {n: one for n, one in said.items() if n <= segments}
    return said


# --- the files ---------------------------------------------------------------------------------


def check_originals(bundle: Bundle, log: Log, told: Recording) -> dict[tuple[str, int], list[Row]]:
    """Second half of check 8: every index fits its file, every progress its digest. Gives the rows."""
    found: dict[tuple[str, int], list[Row]] = {}
    for path in bundle.paths:
        match = MEDIA.fullmatch(path)
        if match is None or match["kind"] == "webm":
            continue
        original = path.rpartition(match["kind"])[0]
        if f"{original}pcapng" not in bundle or f"{original}index.jsonl" not in bundle:
            raise Unverifiable(f"{original}pcapng and its index are not both there.")
        if match["kind"] == "pcapng":
            key = match["track"], int(match["stretch"])
            found[key] = _index(bundle, f"{original}index.jsonl")
            _check_original(bundle, path, found[key], _still_there(told, key, len(found[key])))
    withheld = {_key(path) for path in log.withheld("path")}
    for key in told.progress.keys() | told.losses.keys():
        if key not in found and key not in withheld and any(n != 0 for n in _still_there(told, key, 0)):
            raise Unverifiable(f"The journal tells of a recording of {key[0]} that is not there.")
    return found


def _key(path: str) -> tuple[str, int] | None:
    match = MEDIA.fullmatch(path)
    return (match["track"], int(match["stretch"])) if match and match["kind"] == "pcapng" else None


def _index(bundle: Bundle, path: str) -> list[Row]:
    rows: list[Row] = []
    place = 0
    kinds = {"seg": int, "off": int, "len": int, "t0": str, "t1": str, "sha256": str}
    for number, line in enumerate(bundle.lines(path)):
        row = members(read_canonical(line), kinds, f"Line {number + 1} of {path}")
        if (row["seg"], row["off"]) != (number, place) or not 0 <= row["len"] <= LARGEST_TEXT:
            raise Unverifiable(f"Segment {number} of {path} is not where it must be, or too large.")
        span = Span(millis(instant(row["t0"])), millis(instant(row["t1"])), segment=True)
        rows.append(Row(place, row["len"], span, row["sha256"]))
        place += row["len"]
    if not rows:
        raise Unverifiable(f"{path} is empty.")
    return rows


def _check_original(
    bundle: Bundle, path: str, rows: Sequence[Row], progress: Mapping[int, tuple[int, str, int]]
) -> None:
    if rows[-1].off + rows[-1].len != bundle.size(path):
        raise Unverifiable(f"The segments of {path} do not end where the file ends.")
    blocks, running = _Blocks(path), hashlib.sha256()
    _check_progress(path, progress, 0, 0, running.hexdigest())
    for number, row in enumerate(rows):
        data = bundle.slice(path, row.off, row.len)
        if hashlib.sha256(data).hexdigest() != row.sha256:
            raise Unverifiable(f"Segment {number} of {path} is not that of its index.")
        blocks.check(data, row.span, number)
        running.update(data)
        _check_progress(path, progress, number + 1, row.off + row.len, running.hexdigest())
    if any(not 0 <= n <= len(rows) for n in progress):
        raise Unverifiable(f"The journal tells of more segments than {path} has.")


def _check_progress(
    path: str, progress: Mapping[int, tuple[int, str, int]], n: int, length: int, digest: str
) -> None:
    if n in progress and progress[n][:2] != (length, digest):
        raise Unverifiable(f"Entry {progress[n][2]} tells another digest of the beginning of {path}.")


class _Blocks:
    """Reads one file's blocks, segment after segment."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._order: str | None = None
        self._first = True
        self._links: list[int] = []
        self._packets = 0

    def check(self, data: bytes, span: Span, number: int) -> None:
        """Raises: Unverifiable unless `data` is whole blocks of the format with packets inside `span`."""
        since, until = span.since * 1000, span.until * 1000
        for kind, body in self._blocks(data):
            if kind == _PACKET:
                if not since <= self._packet(body) < until:
                    raise Unverifiable(f"A packet of {self._path} lies outside of its segment {number}.")
            elif kind == _INTERFACE and not self._packets:
                self._interface(body)
            elif kind != _SECTION:
                self._refuse()

    def _blocks(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        place = 0
        while place < len(data):
            if self._order is None:
                self._section(data)
            if len(data) - place < 12:
                self._refuse()
            kind, total = self._head.unpack_from(data, place)
            if total < 12 or total % 4 or place + total > len(data) or (kind == _SECTION) != self._first:
                self._refuse()
            self._first = False
            if self._tail.unpack_from(data, place + total - 4)[0] != total:
                self._refuse()
            yield kind, data[place + 8 : place + total - 4]
            place += total

    def _section(self, data: bytes) -> None:
        magic = data[8:12]
        self._order = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}.get(magic, "")
        if not self._order or data[:4] != b"\x0a\x0d\x0d\x0a" or len(data) < 28:
            self._refuse()
        if struct.unpack_from(f"{self._order}HH", data, 12) != (1, 0):
            self._refuse()
        order = self._order
        self._head, self._tail, self._enhanced = (struct.Struct(order + of) for of in ("II", "I", "IIIII"))

    def _interface(self, body: bytes) -> None:
        if len(body) < 8:
            self._refuse()
        self._links.append(struct.unpack_from(f"{self._order}H", body)[0])
        options = dict(self._options(body[8:]))
        seconds = options.get(_TIME_OFFSET, bytes(8))
        microseconds = options.get(_TIME_RESOLUTION, b"\x06") == b"\x06"
        if self._links[-1] not in (_IPV4, _IPV6) or not microseconds or any(seconds):
            self._refuse()

    def _options(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        place = 0
        while place + 4 <= len(data):
            code, length = struct.unpack_from(f"{self._order}HH", data, place)
            if code == 0:
                return
            yield code, data[place + 4 : place + 4 + length]
            place += 4 + length + -length % 4

    def _packet(self, body: bytes) -> int:
        """The time of a packet in microseconds."""
        if len(body) < 20:
            self._refuse()
        interface, high, low, captured, original = self._enhanced.unpack_from(body)
        datagram = body[20 : 20 + captured]
        if interface >= len(self._links) or not len(datagram) == captured == original:
            self._refuse()
        if not _documented(datagram, self._links[interface]):
            raise Unverifiable(f"A packet of {self._path} bears an address that is not for documentation.")
        self._packets += 1
        time: int = high << 32 | low
        return time

    def _refuse(self) -> None:
        raise Unverifiable(f"{self._path} is not a pcapng file of the form that originals have.")


def _documented(datagram: bytes, link: int) -> bool:
    if link == _IPV4:
        whole = len(datagram) >= 20 and datagram[0] >> 4 == 4
        return whole and datagram[12:15] == datagram[16:19] == bytes([192, 0, 2])
    whole = len(datagram) >= 40 and datagram[0] >> 4 == 6
    return whole and datagram[8:12] == datagram[24:28] == bytes.fromhex("20010db8")


# --- the account of time -----------------------------------------------------------------------


def check_time(log: Log, told: Recording, rows: Mapping[tuple[str, int], Sequence[Row]]) -> str:
    """Check 9: for each track of each stretch, segments and gaps tile it. Gives the sentence."""
    gaps = _gaps_by_track(told)
    known = {(track, one.number): one for one in told.stretches for track in one.tracks or ()}
    withheld = {_key(path) for path in log.withheld("path")} - {None}
    _check_known(told, rows, gaps, known.keys() | {key for key in withheld if key})
    holes = left_out = 0
    for key, stretch in known.items():
        if key in withheld:
            left_out += 1
            continue
        spans = [row.span for row in rows.get(key, ())] + gaps.get(key, [])
        fault = tiling_fault(spans, stretch.since, stretch.until)
        if fault and told.concealed_gaps:
            filled, missing = _filled(spans, stretch)
            holes, fault = holes + missing, tiling_fault(filled, stretch.since, stretch.until)
        if fault or holes > told.concealed_gaps:
            fault = fault or "more is missing than concealed gaps can explain"
            raise Unverifiable(f"The time of {key[0]} in stretch {key[1]} is not accounted for: {fault}.")
    return _sentence(told, len(known) - left_out, left_out, holes)


def _gaps_by_track(told: Recording) -> dict[tuple[str, int], list[Span]]:
    gaps: dict[tuple[str, int], list[Span]] = {}
    for track, span in told.gaps:
        number = next((one.number for one in told.stretches if one.since <= span.since < one.until), None)
        if number is None:
            raise Unverifiable(f"A gap of {track[:40]} lies outside of the time on the record.")
        gaps.setdefault((track, number), []).append(span)
    return gaps


def _check_known(
    told: Recording,
    rows: Mapping[tuple[str, int], Any],
    gaps: Mapping[tuple[str, int], Any],
    known: set[tuple[str, int]],
) -> None:
    concealed = {one.number for one in told.stretches if one.tracks is None}
    for track, number in [*rows, *gaps]:
        if (track, number) not in known and number not in concealed:
            raise Unverifiable(f"The track {track[:40]} of stretch {number} was never on the record.")


def _filled(spans: Sequence[Span], stretch: Stretch) -> tuple[list[Span], int]:
    """The spans with a gap in each hole, and how many holes there were."""
    ordered = sorted(spans)
    edges = [Span(stretch.since, stretch.since, segment=False), *ordered]
    edges.append(Span(stretch.until, stretch.until, segment=False))
    holes = [
        Span(one.until, two.since, segment=False) for one, two in pairwise(edges) if one.until < two.since
    ]
    return [*ordered, *holes], len(holes)


def _sentence(told: Recording, whole: int, left_out: int, holes: int) -> str:
    kept = sum(one.until - one.since for one in told.stretches) / 1000
    text = f"{kept:.3f} s on the record in {len(told.stretches)} stretches, each millisecond of {whole} tracks accounted for"
    concealed = sum(one.tracks is None for one in told.stretches)
    if left_out or holes or concealed:
        text += f"; withheld: {left_out} tracks, {holes} gaps, the tracks of {concealed} stretches"
    return f"{text}."
