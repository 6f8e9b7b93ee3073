"""What verifying a large record costs, beside `sha256sum` over the same file, and how much memory it takes.

An hour of a picture goes through the recorder; as many people as make up `--gigabytes` have it as their original, with
the journal's account of it every ten seconds. `vivavoce verify` and `sha256sum` are run one after the other on the
finished package, so that the ratio is from one run; a smaller package says whether memory grows with the size.
"""

import argparse
import hashlib
import itertools
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/media"), str(Path(__file__).parent)]

from kept import capture  # noqa: E402
from keys import clear  # noqa: E402
from recording import CAMERA, ON, PICTURE, START, packets  # noqa: E402

from hearings import package  # noqa: E402
from tests.hearings import records as r  # noqa: E402

RATIO, GROWTH = (
    2.5,
    1.2,
)  # targets: times sha256sum; memory of the large record in times that of the small one
TEN_SECONDS = 5  # segments


class Original(NamedTuple):
    """One recording, as everybody has it. `told`: what the journal says of it, by the number of segments."""

    path: Path
    rows: bytes
    digest: str
    told: list[dict[str, object]]


class Run(NamedTuple):
    seconds: float
    said: str

    @property
    def megabytes(self) -> float:
        """The most memory that it had, as it says in its last line."""
        return float(self.said.splitlines()[-1])


def original(folder: Path, seconds: int) -> Original:
    capture(folder, CAMERA, list(packets(PICTURE, seconds)), since=ON, until=ON + seconds * 1000)
    path = folder / "clear.pcapng"
    path.write_bytes(clear(folder / f"{CAMERA}-1.pcapng"))
    index = (folder / f"{CAMERA}-1.index.jsonl").read_bytes()
    running, told = hashlib.sha256(), []
    with path.open("rb") as file:
        for n, row in enumerate(map(json.loads, index.splitlines()), 1):
            running.update(file.read(row["len"]))
            if n % TEN_SECONDS == 0:
                told.append({"n": n, "len": row["off"] + row["len"], "sha256": running.hexdigest()})
    return Original(path, index, running.hexdigest(), told)


def packed(folder: Path, one: Original, *, people: int, seconds: int) -> Path:
    """A package in which so many people have this original."""
    tracks = [
        f"people{a}{b}-camera" for a, b in itertools.islice(itertools.product("abcdefgh", repeat=2), people)
    ]
    end = r.ON + seconds * 1000
    last = json.loads(one.rows.splitlines()[-1])
    until = round(datetime.fromisoformat(last["t1"]).astimezone(UTC).timestamp() * 1000) - START

    def long(draft: r.Draft) -> None:
        draft.tracks = {}
        draft.said = [said for said in draft.said if not said.type.startswith("media.")]
        draft.find("record.on").members["tracks"] = tracks
        draft.find("record.off").ms = end
        off = draft.said.index(draft.find("record.off"))
        draft.said[off:off] = [
            r.Said(
                r.ON + 10_000 * number,
                "media.progress",
                {"tracks": [{"track": track, **told} for track in tracks]},
            )
            for number, told in enumerate(one.told, 1)
            if 10_000 * number < seconds * 1000
        ]
        for track in tracks:
            if until < end:
                times = {"from": last["t1"], "to": r.stamp(end)}
                draft.say(end + 1, "media.gap", track=track, reason="not-sent", **times)
        for track in tracks:
            draft.files[f"data/media/{track}-1.index.jsonl"] = one.rows
            draft.say(end + 5, "media.sealed", path=f"data/media/{track}-1.pcapng", sha256=one.digest)
        media = {f"data/media/{track}-1.pcapng": one.path for track in tracks}
        draft.late = lambda contents: replace(contents, media={**contents.media, **media})

    path = folder / f"{people}.asice"
    with path.open("wb") as out:
        package.write(out, r.draft(long).contents(), seal=r.court(), at=datetime.now(UTC))
    return path


def run(*command: str | Path) -> Run:
    """How long it takes from start to end, and what it says. Raises: SystemExit."""
    began = time.perf_counter()
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return Run(time.perf_counter() - began, done.stdout)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gigabytes", type=float, default=5)
    parser.add_argument("--seconds", type=int, default=3600, help="of each recording")
    asked = parser.parse_args()
    verify = (sys.executable, ROOT / "tests/bench/verified.py")
    with tempfile.TemporaryDirectory(prefix="vivavoce-") as scratch:
        folder = Path(scratch)
        trust = folder / "trust.json"
        trust.write_bytes(r.trust())
        one = original(folder, asked.seconds)
        each = one.path.stat().st_size
        people = max(2, min(64, round(asked.gigabytes * 1e9 / each + 0.5)))
        small = packed(folder, one, people=1, seconds=asked.seconds)
        little = run(*verify, small, "--trust", trust)
        small.unlink()
        large = packed(folder, one, people=people, seconds=asked.seconds)
        run("sha256sum", large)  # so that both find it in memory as far as it goes
        plain = run("sha256sum", large)
        verified = run(*verify, large, "--trust", trust)
        ratio, growth = verified.seconds / plain.seconds, verified.megabytes / little.megabytes
        print(
            f"verification of {large.stat().st_size / 1e9:.1f} GB: {verified.seconds:.1f} s; sha256sum of it"
            f" {plain.seconds:.1f} s: {ratio:.2f} times"
        )
        print(f"  target: at most {RATIO} times: {'met' if ratio <= RATIO else 'missed'}")
        print(
            f"memory: {verified.megabytes:.0f} MiB; of a record of {each / 1e9:.1f} GB {little.megabytes:.0f} MiB:"
            f" {growth:.2f} times"
        )
        print(f"  target: at most {GROWTH} times: {'met' if growth <= GROWTH else 'missed'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
