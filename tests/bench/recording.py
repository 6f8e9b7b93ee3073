"""What recording costs: capture and derivation of an hour of a stream, and verification beside `sha256sum`.

An hour of one person's sound and picture, some 0.9 Mbit/s, goes through the recorder's own account of time, is locked
and fsynced, at full speed; then the copy for playing is derived from it; then a package that holds the picture's
original is verified. CPU time of this process, its threads and what it starts; ratios are from one run.
"""

import argparse
import hashlib
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/media")]

from kept import capture, order  # noqa: E402
from keys import clear  # noqa: E402

from hearings import package  # noqa: E402
from hearings.verify import verify  # noqa: E402
from media.deriver import derive  # noqa: E402
from media.pcapng import Packet  # noqa: E402
from media.rtcp import SenderFigures, ntp_of, sender_report  # noqa: E402
from media.rtp_header import HEADER  # noqa: E402
from tests.hearings import records as r  # noqa: E402

AUDIO, CAMERA = r.AUDIO, r.AUDIO.replace("audio", "camera")
START = round(r.at(0).timestamp() * 1000)  # ms since 1970
ON = START + r.ON
PICTURE_BYTES, SOUND_BYTES = 1050, 80
CAPTURE, VERIFICATION = 2.0, 2.5  # targets: CPU seconds an hour of a stream; times sha256sum


class Kind(NamedTuple):
    """Packets a second, and how they are."""

    ssrc: int
    rate: int
    each: int
    frames: int  # a second
    size: int
    payload: int


SOUND = Kind(1, 48_000, 1, 50, SOUND_BYTES, 111)
PICTURE = Kind(2, 90_000, 4, 25, PICTURE_BYTES, 96)


def packets(kind: Kind, seconds: int) -> Iterator[Packet]:
    """A stream as a browser sends it: a key frame every twenty seconds, a report every second."""
    lot = random.Random(kind.ssrc)
    body = lot.randbytes(kind.size)
    sequence = 0
    for number in range(seconds * kind.frames):
        at = number / kind.frames
        micros = ON * 1000 + round(at * 1_000_000)
        timestamp = number * kind.rate // kind.frames
        if number % kind.frames == 0:
            told = SenderFigures(kind.ssrc, ntp_of(micros / 1_000_000), timestamp, number, 0)
            yield Packet(micros, rtcp=True, data=sender_report(told, "x"))
        for part in range(kind.each):
            last = part == kind.each - 1
            payload = body
            if kind is PICTURE:
                key = number % (20 * kind.frames) == 0
                head = bytes((0x90 if part == 0 else 0x80, 0x80, 0x80 | number >> 8 & 0x7F, number & 0xFF))
                payload = head + bytes((0 if key else 1,)) + body
            header = HEADER.pack(0x80, last << 7 | kind.payload, sequence & 0xFFFF, timestamp, kind.ssrc)
            sequence += 1
            yield Packet(micros + 100 * part, rtcp=False, data=header + payload)


def spent(call: Callable[[], object]) -> float:
    """CPU seconds."""
    began = time.process_time()
    call()
    return time.process_time() - began


def packed(folder: Path, seconds: int) -> Path:
    """A package that holds the picture's original, 0.4 GB an hour."""
    original = folder / "clear.pcapng"
    original.write_bytes(clear(folder / f"{CAMERA}-1.pcapng"))
    index = (folder / f"{CAMERA}-1.index.jsonl").read_bytes()
    end = r.ON + seconds * 1000

    def long(draft: r.Draft) -> None:
        draft.tracks = {}
        draft.said = [one for one in draft.said if not one.type.startswith("media.")]
        draft.find("record.on").members["tracks"] = [CAMERA]
        draft.find("record.off").ms = end
        path = f"data/media/{CAMERA}-1.pcapng"
        last = json.loads(index.splitlines()[-1])
        tail = datetime.fromisoformat(last["t1"]).astimezone(UTC)
        missing = START + end - round(tail.timestamp() * 1000)
        if missing:
            draft.say(
                end + 1, "media.gap", track=CAMERA, reason="not-sent", to=r.stamp(end), **{"from": last["t1"]}
            )
        draft.files[f"data/media/{CAMERA}-1.index.jsonl"] = index
        with original.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        draft.say(end + 5, "media.sealed", path=path, sha256=digest)
        draft.late = lambda contents: replace(contents, media={**contents.media, path: original})

    path = folder / "large.asice"
    with path.open("wb") as out:
        package.write(out, r.draft(long).contents(), seal=r.court(), at=datetime.now(UTC))
    return path


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seconds", type=int, default=600, help="of the streams; figures are told for an hour"
    )
    seconds = parser.parse_args().seconds
    hour, until = 3600 / seconds, ON + seconds * 1000
    with tempfile.TemporaryDirectory(prefix="vivavoce-") as scratch:
        folder = Path(scratch)
        cost = 0.0
        for track, kind in ((AUDIO, SOUND), (CAMERA, PICTURE)):
            stream = list(packets(kind, seconds))
            took = hour * spent(partial(capture, folder, track, stream, since=ON, until=until))
            cost = max(cost, took)
            size = (folder / f"{track}-1.pcapng").stat().st_size * hour / 2**20
            print(f"capture of an hour of {track.partition('-')[2]}: {took:.2f} CPU s, {size:.0f} MiB")
        print(f"  target: at most {CAPTURE} CPU s a stream: {'met' if cost <= CAPTURE else 'missed'}")
        took = hour * spent(lambda: derive(order(folder, AUDIO, CAMERA, since=ON, until=until)))
        print(f"derivation of an hour of both: {took:.2f} CPU s")
        path = packed(folder, seconds)
        verdict = []
        took = spent(lambda: verdict.append(verify(path, trust=r.trust(), head=None, at=datetime.now(UTC))))
        assert verdict[0].accepted, verdict[0]
        began = time.perf_counter()
        subprocess.run(["sha256sum", str(path)], check=True, capture_output=True)
        plain = time.perf_counter() - began
        size = path.stat().st_size / 2**20
        ratio = took / plain
        print(
            f"verification of {size:.0f} MiB: {took:.2f} CPU s; sha256sum of it {plain:.2f} s: {ratio:.1f} times"
        )
        print(f"  target: at most {VERIFICATION} times: {'met' if ratio <= VERIFICATION else 'missed'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
