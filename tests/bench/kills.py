"""A hearing on the record whose media worker and web process are killed again and again, at moments chosen at random.

The service is the real one, as a process with its worker; two places send sound and picture. Each time SIGKILL ends the
worker, the web process, or both; half of the time within some milliseconds of a verb that was sent, so that what was
asked for may have failed undone, or be done although it failed. Then what must be started by hand is started, people
come back, the judge resumes with one press. In the end the file is closed, and its package is asked what was lost.

It exits with 1 unless: whatever the journal anchored is in the package; at most `ALLOWED` seconds of a track were lost
before each kill; a verb that was answered is in the journal once, one that was not is there once or not at all; each
return took one press; and the package is accepted.
"""

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import httpx

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT)]

from frontend.rehearse import Court, Hearing  # noqa: E402
from frontend.visitor import DoorRefused, eventually  # noqa: E402
from hearings import verify  # noqa: E402
from tests.story.telling import entries, ready, received_from_all  # noqa: E402

ALLOWED = (
    2.0  # seconds: put by at 0.5 of a segment of 2, which is on disk at most 0.35 and a write after its end
)
SHORTLY = (0.02, 0.05, 0.15)  # seconds at most after a verb was sent
PROGRESS = 12.0  # seconds within which the journal anchors the recording
BACK = 60.0  # seconds of patience
KINDS = ("worker", "web", "both")


class Verb(NamedTuple):
    """What is asked for when the kill comes: by whom, at which door, and the entry that tells of it."""

    name: str
    role: str
    door: str
    entry: str
    member: str = "text"


NOTE = Verb("note", "authority", "room/note", "statement.noted")
SUSPEND = Verb("suspend", "authority", "room/suspend", "hearing.suspended", "reason")
OFF = Verb("go off", "presiding", "room/off-record", "record.off", "reason")
RESUME = Verb("resume", "presiding", "room/resume", "hearing.resumed", "repeated")
VERBS = (NOTE, SUSPEND, OFF, RESUME)


@dataclass
class Kill:
    """`at`: ms since 1970; `asked`: the verb that was under way, `answered` what came of it as far as its sender knows."""

    n: int
    kind: str
    asked: Verb | None
    anchored: bool
    at: float = 0.0
    answered: bool = False
    again: float = 0.0
    presses: int = 0
    lost: float = 0.0
    done: int = 0

    @property
    def words(self) -> str:
        return f"Asked for at kill {self.n}."

    @property
    def outcome(self) -> str:
        if self.asked is None:
            return "–"
        said = "answered" if self.answered else "failed"
        return f"{self.asked.name}: {said}, {'done' if self.done else 'not done'}"


@dataclass
class Trial:
    court: Court
    hearing: Hearing
    lot: random.Random
    kills: list[Kill] = field(default_factory=list)

    async def run(self, number: int) -> None:
        kinds = [KINDS[n % len(KINDS)] for n in range(number)]
        self.lot.shuffle(kinds)
        for n, kind in enumerate(kinds, 1):
            asked = self.lot.choice(VERBS) if self.lot.random() < 0.5 else None
            kill = Kill(n, kind, asked, anchored=n % 4 == 0)
            self.kills.append(kill)
            await self._dwell(kill)
            worker = worker_of(self.court.data)
            await self._strike(kill)
            await self._bring_back(kill, worker)
            kill.again = time.time() - kill.at / 1000
            print(
                f"{n:3} {kind:6} {'anchored' if kill.anchored else '':8} on again after {kill.again:4.1f} s",
                file=sys.stderr,
            )

    async def _dwell(self, kill: Kill) -> None:
        """Time on the record; every fourth time until the journal has just anchored how far the recording is."""
        if not kill.anchored:
            await asyncio.sleep(self.lot.uniform(0.2, 5.0))
            return
        before = len(await entries(self.hearing, "media.progress"))

        async def another() -> bool:
            return len(await entries(self.hearing, "media.progress")) > before

        await eventually(another, seconds=PROGRESS + BACK)

    async def _strike(self, kill: Kill) -> None:
        asking = None
        if kill.asked is not None:
            if kill.asked is RESUME:
                await self.hearing.bench.act("room/suspend", {"text": "A moment, please."})
            seat = self.hearing.seat(kill.asked.role)
            asking = asyncio.create_task(_answered(seat.act(kill.asked.door, {"text": kill.words})))
            await asyncio.sleep(self.lot.uniform(0, self.lot.choice(SHORTLY)))
        victims = {"worker": [self._kill_worker], "web": [self.court.kill]}.get(kill.kind)
        if victims is None:
            victims = [self._kill_worker, self.court.kill]
            self.lot.shuffle(victims)
        kill.at = time.time() * 1000
        for victim in victims:
            await victim()
        kill.answered = asking is not None and await asking

    async def _kill_worker(self) -> None:
        os.kill(worker_of(self.court.data), signal.SIGKILL)

    async def _bring_back(self, kill: Kill, worker: int) -> None:
        """As people do it: the service is started, pages open their sockets again, connections are made anew."""
        seats = self.hearing.seats
        if kill.kind != "worker":
            assert await self.court.start() is None
            for seat in seats:
                await seat.hang_up()
                seat.view = {}
                await seat.listen()
        if kill.kind != "web":
            await eventually(lambda: self._another_worker(worker), seconds=BACK)
            await asyncio.gather(*(seat.connect_media() for seat in seats))
            await eventually(self._all_connected, seconds=BACK)
            await asyncio.gather(*map(received_from_all, seats))
        await eventually(lambda: self._on_record(kill), seconds=BACK)

    async def _on_record(self, kill: Kill) -> bool:
        """Whether the hearing is on the record; if it could be, the judge presses once."""
        view = await self.hearing.bench.look()
        if view["state"] in ("on-record", "examining"):
            return True
        if not view["obstacles"]["go-on-record"] and await self._all_connected():
            kill.presses += 1
            door = "room/resume" if view["state"] == "suspended" else "room/on-record"
            body = {"text": "The last answer was repeated."} if door == "room/resume" else None
            with contextlib.suppress(DoorRefused):
                await self.hearing.bench.act(door, body)
        return False

    async def _all_connected(self) -> bool:
        places = (await self.hearing.bench.look())["places"]
        return all(one["connected"] for one in places if one["in_room"])

    async def _another_worker(self, before: int) -> bool:
        now = worker_of(self.court.data)
        return now != before and alive(now)


async def _answered(act: Awaitable[Any]) -> bool:
    try:
        await act
    except (DoorRefused, httpx.HTTPError):
        return False
    return True


def worker_of(data: Path) -> int:
    return int((data / "worker/worker.pid").read_text() or 0)


def alive(pid: int) -> bool:
    try:
        return b"media.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


# --- what the package says --------------------------------------------------------------------------


class Stretch(NamedTuple):
    """One time on the record, in ms since 1970."""

    n: int
    since: float
    until: float
    tracks: list[str]


class Package:
    """What is in it, read here anew and not with the verifier's code. Times in ms since 1970."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path)
        self._names = {name.partition("/data/media/")[2]: name for name in self._zip.namelist()}

    def rows(self, track: str, stretch: int) -> list[dict[str, Any]]:
        name = self._names.get(f"{track}-{stretch}.index.jsonl")
        return [json.loads(line) for line in self._zip.read(name).splitlines()] if name else []

    def holds(self, said: dict[str, Any], stretch: int) -> bool:
        """Whether the original begins with the bytes that the journal anchored."""
        name = self._names.get(f"{said['track']}-{stretch}.pcapng")
        if name is None:
            return bool(said["n"] == 0)
        data = self._zip.read(name)[: said["len"]]
        return len(data) == said["len"] and hashlib.sha256(data).hexdigest() == said["sha256"]

    def kept_until(self, track: str, stretch: Stretch, at: float) -> float:
        """The end of what is kept of a track before this moment."""
        ends = [millis(row["t1"]) for row in self.rows(track, stretch.n) if millis(row["t0"]) < at]
        return max(ends, default=stretch.since)


def millis(told: str) -> float:
    return datetime.fromisoformat(told).timestamp() * 1000


def stretches(journal: list[dict[str, Any]]) -> list[Stretch]:
    told: list[Stretch] = []
    for entry in journal:
        if entry["type"] == "record.on":
            told.append(Stretch(len(told) + 1, millis(entry["time"]), 0, entry["members"]["tracks"]))
        elif entry["type"] == "record.off":
            told[-1] = told[-1]._replace(until=millis(entry["time"]))
    return told


def anchors(journal: list[dict[str, Any]]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each track of each `media.progress`, with its stretch."""
    stretch = 0
    for entry in journal:
        stretch += entry["type"] == "record.on"
        if entry["type"] == "media.progress":
            for said in entry["members"]["tracks"]:
                yield stretch, said


def lost_before(kill: Kill, told: list[Stretch], package: Package) -> float:
    """Seconds of a track between the end of what is kept and the kill, or the end of the stretch if it came first."""
    stretch = [one for one in told if one.since <= kill.at][-1]
    end = min(kill.at, stretch.until)
    return max(end - package.kept_until(track, stretch, end) for track in stretch.tracks) / 1000


def judge(trial: Trial, journal: list[dict[str, Any]], path: Path) -> list[str]:
    """What is not as it must be."""
    package, told = Package(path), stretches(journal)
    wrong = []
    for kill in trial.kills:
        kill.lost = max(0.0, lost_before(kill, told, package))
        if kill.lost > ALLOWED:
            wrong.append(f"Kill {kill.n}: {kill.lost:.2f} s were lost.")
        if kill.presses > 1:
            wrong.append(f"Kill {kill.n}: the judge pressed {kill.presses} times.")
        if kill.asked is not None:
            kill.done = sum(
                entry["type"] == kill.asked.entry and entry["members"].get(kill.asked.member) == kill.words
                for entry in journal
            )
            if kill.done > 1 or (kill.answered and not kill.done):
                wrong.append(f"Kill {kill.n}: {kill.outcome}, {kill.done} times in the journal.")
    anchored = list(anchors(journal))
    missing = [said for stretch, said in anchored if not package.holds(said, stretch)]
    print(f"anchored by the journal: {len(anchored)} times, missing from the package: {len(missing)}")
    wrong += [f"The journal anchored {said}, and the package has it not." for said in missing]
    return wrong


def verified(path: Path) -> list[str]:
    trust = path.parent / "trust.json"
    verdict = verify.verify(path, trust=trust.read_bytes(), head=None, at=datetime.now(UTC))
    command = [sys.executable, "-m", "frontend.command", "verify", str(path), "--trust", str(trust)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    print(verdict.sentence)
    return [] if verdict.accepted and done.returncode == 0 else [f"The package: {verdict.sentence}"]


def table(kills: list[Kill]) -> str:
    lines = ["kill  kind    lost before  on again after  presses  under way"]
    lines += [
        f"{kill.n:4}  {kill.kind:6}  {kill.lost:9.2f} s  {kill.again:12.1f} s  {kill.presses:7}  {kill.outcome}"
        for kill in kills
    ]
    for kind in KINDS:
        some = [kill for kill in kills if kill.kind == kind]
        if some:
            lost, again = max(kill.lost for kill in some), sorted(kill.again for kill in some)
            lines.append(
                f"{kind}: {len(some)} kills, lost before at most {lost:.2f} s, on again after "
                f"{again[len(again) // 2]:.1f} s (median), at most {again[-1]:.1f} s"
            )
    return "\n".join(lines)


async def hold(folder: Path, number: int, lot: random.Random) -> list[str]:
    """The hearing, from the request to the package; what is not as it must be."""
    data = folder / "data"
    try:
        async with Court(data) as court, Hearing(court) as hearing:
            await ready(hearing)
            await hearing.go_on_record()
            await hearing.establish_identity()
            await hearing.swear()
            await hearing.bench.act("room/examine")
            await asyncio.gather(*map(received_from_all, hearing.seats))
            trial = Trial(court, hearing, lot)
            await trial.run(number)
            await hearing.bench.act("room/off-record", {"text": "The questions are at an end."})
            await hearing.finish()
            path = await hearing.package(folder)
            journal = await entries(hearing)
    finally:
        end_worker(data)
    gaps = Counter(entry["members"]["reason"] for entry in journal if entry["type"] == "media.gap")
    seconds = sum(one.until - one.since for one in stretches(journal)) / 1000
    wrong = judge(trial, journal, path) + verified(path)
    print(f"{seconds:.0f} s on the record in {len(stretches(journal))} stretches; gaps: {dict(gaps)}")
    print(table(trial.kills))
    return wrong


def end_worker(data: Path) -> None:
    """One that outlived a service which was killed and not started again."""
    with contextlib.suppress(OSError, ValueError):
        pid = worker_of(data)
        if alive(pid):
            os.kill(pid, signal.SIGKILL)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=None, help="of kinds and moments; told, if left out")
    asked = parser.parse_args()
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(10_000)
    print(f"{asked.kills} kills, seed {seed}; at most {ALLOWED:.1f} s of a track may be lost before each")
    with tempfile.TemporaryDirectory(prefix="vivavoce-") as folder:
        wrong = asyncio.run(hold(Path(folder), asked.kills, random.Random(seed)))
    for sentence in wrong:
        print(sentence)
    print("as it must be" if not wrong else "NOT as it must be")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
