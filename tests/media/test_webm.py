"""The file, read by others: what ffprobe says of it, and every byte where it says that it is."""

import json
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest

from media.loops import picture, sound
from media.webm import Film, Mark, Piece, Track, Unit, _size, write

BEGINS = 1_795_000_000_000


def stored(film: Film) -> bytes:
    parts: list[bytes] = []
    write(film, parts.append)
    return b"".join(parts)


def probed(path: Path, *what: str) -> dict:
    command = ["ffprobe", "-v", "warning", "-of", "json", *what, str(path)]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stderr == b""
    return json.loads(done.stdout)


def shelf(frames: list[bytes]):
    """Frames one after the other in a file, as pieces, and what reads them."""
    content = b"".join(frames)
    offs = [sum(map(len, frames[:n])) for n in range(len(frames))]
    pieces = [(Piece(off, len(frame)),) for off, frame in zip(offs, frames, strict=True)]
    return pieces, lambda piece: content[piece.off : piece.off + piece.len]


def heard(name: str = "abcdefgh-audio", *, seconds: int = 12, silent: range = range(0)) -> Track:
    frames = [b"".join(frame.parts) for frame in sound(1)]
    pieces, read = shelf(frames)
    units = [Unit(20 * n, True, pieces[n % len(pieces)]) for n in range(seconds * 50) if 20 * n not in silent]
    return Track(name, units, read)


def seen(name: str = "abcdefgh-camera", *, seconds: int = 12) -> Track:
    frames = picture(1, width=160, height=120)
    pieces, read = shelf([b"".join(frame.parts) for frame in frames])
    units = [
        Unit(n * 200 // 3, frames[n % len(frames)].keyframe, pieces[n % len(pieces)])
        for n in range(seconds * 15)
    ]
    return Track(name, units, read, (160, 120))


def test_others_read_every_block_and_when_it_is(tmp_path):
    film = Film(
        BEGINS, 12_000, [heard(silent=range(4000, 6000)), seen()], [Mark(4000, 6000, "Nothing was sent.")]
    )
    path = tmp_path / "film.webm"
    path.write_bytes(stored(film))
    found = probed(path, "-show_streams", "-show_packets", "-show_format", "-show_chapters")
    assert found["format"]["format_name"] == "matroska,webm"
    assert float(found["format"]["duration"]) == 12.0
    assert found["format"]["tags"]["creation_time"].startswith("2026-11-18T")
    streams = [(one["codec_name"], one["tags"]["title"]) for one in found["streams"]]
    assert streams == [("opus", "abcdefgh-audio"), ("vp8", "abcdefgh-camera")]
    assert (found["streams"][1]["width"], found["streams"][1]["height"]) == (160, 120)
    for number, track in enumerate(film.tracks):
        packets = [one for one in found["packets"] if one["stream_index"] == number]
        told = [
            (round(1000 * Fraction(one["pts_time"])), int(one["size"]), "K" in one["flags"])
            for one in packets
        ]
        assert told == [(unit.at, sum(piece.len for piece in unit.pieces), unit.key) for unit in track.units]
    (chapter,) = found["chapters"]
    assert (float(chapter["start_time"]), float(chapter["end_time"])) == (4.0, 6.0)
    assert chapter["tags"]["title"] == "Nothing was sent."


def test_everything_of_it_can_be_decoded(tmp_path):
    path = tmp_path / "film.webm"
    path.write_bytes(stored(Film(BEGINS, 12_000, [heard(), seen()])))
    command = ["ffmpeg", "-v", "warning", "-xerror", "-i", str(path), "-map", "0", "-f", "null", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stderr == b""


def test_cues_lead_to_key_frames(tmp_path):
    film = Film(BEGINS, 60_000, [seen(seconds=60)])
    path = tmp_path / "film.webm"
    path.write_bytes(stored(film))
    for second in (0, 13, 44, 59):
        found = probed(path, "-read_intervals", f"{second + 0.5}%+#1", "-show_packets")
        (first,) = found["packets"]
        assert (first["flags"][0], float(first["pts_time"])) == ("K", float(second))


def test_the_same_film_is_the_same_bytes():
    film = Film(BEGINS, 12_000, [heard(), seen()], [Mark(1, 2, "Nothing was sent.")])
    assert stored(film) == stored(Film(BEGINS, 12_000, [heard(), seen()], [Mark(1, 2, "Nothing was sent.")]))
    assert stored(film) != stored(Film(BEGINS + 1, 12_000, [heard(), seen()], film.marks))


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "80"), (126, "fe"), (127, "407f"), (16_382, "7ffe"), (16_383, "203fff"), (2**21 - 1, "101fffff")],
)
def test_sizes_are_short_and_never_all_ones(value, written):
    assert _size(value).hex() == written
