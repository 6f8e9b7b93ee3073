"""Run by a test in a process of its own: verifies a record with 300 MB of sound in 200 MB of memory.

The package is written and verified under a limit on the address space, so either holding the recording
whole would fail. Words: the folder to work in.
"""

import hashlib
import io
import resource
import sys
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

sys.path.insert(0, str(Path(__file__).parents[2]))

from hearings import package
from hearings.verify import verify
from tests.hearings import records as r

SEGMENTS, PACKETS, ROOM = 5, 1000, 200 * 2**20
END = r.ON + 2000 * SEGMENTS


def segment(number: int) -> bytes:
    """60 MB of packets within two seconds."""
    one = r.packet(r.ON + 2000 * number + 1, bytes(60_000))
    return (r.SECTION + r.interface() if number == 0 else b"") + one * PACKETS


class Recording(io.RawIOBase):
    """A stream of all segments that holds one at a time."""

    def __init__(self) -> None:
        self._number, self._rest = 0, memoryview(b"")

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self._rest and self._number < SEGMENTS:
            self._rest = memoryview(segment(self._number))
            self._number += 1
        data, self._rest = bytes(self._rest[:size]), self._rest[size:]
        return data


def record() -> r.Draft:
    def long(draft: r.Draft) -> None:
        draft.tracks = {}
        draft.said = [one for one in draft.said if not one.type.startswith("media.")]
        draft.find("record.on").members["tracks"] = [r.AUDIO]
        draft.find("record.off").ms = END
        rows, place, whole = [], 0, hashlib.sha256()
        for number in range(SEGMENTS):
            data = segment(number)
            whole.update(data)
            digest = hashlib.sha256(data).hexdigest()
            times = {"t0": r.stamp(r.ON + 2000 * number), "t1": r.stamp(r.ON + 2000 * (number + 1))}
            rows.append({"seg": number, "off": place, "len": len(data), "sha256": digest, **times})
            place += len(data)
        draft.files[f"data/media/{r.AUDIO}-1.index.jsonl"] = r.unrows(rows)
        path = f"data/media/{r.AUDIO}-1.pcapng"
        draft.say(END + 5, "media.sealed", path=path, sha256=whole.hexdigest())
        draft.late = lambda contents: replace(contents, media={**contents.media, path: open_recording})

    return r.draft(long)


def open_recording() -> BinaryIO:
    return Recording()  # type: ignore[return-value]


def main(folder: Path) -> int:
    contents = record().contents()
    seal, trust = r.court(), r.trust()
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, used + ROOM))
    path = folder / "large.asice"
    with path.open("wb") as out:
        package.write(out, contents, seal=seal, at=r.at(3_600_000))
    verdict = verify(path, trust=trust, head=None, at=r.NOW)
    sys.stdout.write("\n".join(map(str, verdict.checks)) + f"\n{verdict.sentence} {path.stat().st_size}\n")
    return 0 if verdict.accepted and path.stat().st_size > ROOM else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
