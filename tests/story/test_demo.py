"""The demonstration as its user runs it: a docket, a hearing in session, a chair to take, and an orderly end."""

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from frontend import demo
from frontend.demo import DOCKET, WAYS, Demo, DemoFailed, free_port
from frontend.visitor import Seat, Visitor
from hearings.states import State
from tests.story.telling import received_from_all

READY_SECONDS = 90
SECONDS = 12
STOP_SECONDS = 25  # on a machine that is busy with something else
STATES = sorted(set(State) - {State.DESTROYED})  # nothing is destroyed on the day on which it is held
CHAIRS = ("Presiding judge", "Witness", "Interpreter", "Authority present")


def test_the_docket_has_a_hearing_at_every_state() -> None:
    assert sorted(matter.stands for matter in DOCKET) == STATES
    assert sorted(WAYS) == STATES
    assert len({matter.letter.reference for matter in DOCKET}) == len(DOCKET)


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(DemoFailed, match="not an empty folder"):
        Demo(data=tmp_path, seconds=1, tell=print)
    with pytest.raises(DemoFailed, match="not an empty folder"):
        Demo(data=tmp_path / "mine", seconds=1, tell=print)
    assert [one.name for one in tmp_path.iterdir()] == ["mine"]


def test_a_port_that_is_taken_is_passed_over() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert port < free_port(port) <= port + demo.PORTS


@asynccontextmanager
async def shown(data: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command, started as from a terminal."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "frontend.command", "demo", "--data", str(data), *arguments),
        env={**os.environ, "VIVAVOCE_PORT": str(free_port(18_080))},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            await process.communicate()


async def told(process: asyncio.subprocess.Process, last: str) -> str:
    """What it prints, up to the line that contains `last`."""
    assert process.stdout is not None
    lines = []
    async with asyncio.timeout(READY_SECONDS):
        while line := (await process.stdout.readline()).decode():
            lines.append(line)
            if last in line:
                return "".join(lines)
    raise AssertionError(f"it ended without saying “{last}”: {''.join(lines)}")


async def service_of(data: Path) -> tuple[int, int]:
    """The processes of the service: web and media worker."""
    pid = data / "worker/worker.pid"
    async with asyncio.timeout(READY_SECONDS):
        while not (pid.exists() and pid.read_text()):  # noqa: ASYNC110  # another process writes it
            await asyncio.sleep(0.02)
    worker = int(pid.read_text())
    return parent_of(worker), worker


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def found(text: str, pattern: str) -> str:
    match = re.search(pattern, text)
    assert match, f"{pattern} in {text}"
    return match[1]


async def test_a_working_day_at_the_court_of_exampleton(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with shown(data, "--seconds", str(SECONDS)) as process:
        text = await told(process, "ends the demonstration")
        processes = await service_of(data)
        origin = found(text, r"Viva Voce is at (\S+)")
        assert re.search(r"For Firefox.*\n  VIVAVOCE_MEDIA_LISTEN=\S+ make demo", text)
        await everybody_can_sign_in(origin, text)
        async with Visitor(origin) as coordinator:
            await signed_in(coordinator, text, "coordinator")
            hearings = await coordinator.get("/hearings")
            assert sorted(one["state"] for one in hearings) == STATES
        links = [found(text, rf"{chair}.*?(http\S+/join/\S+#muted)") for chair in CHAIRS]
        assert len(set(links)) == len(CHAIRS)
        await the_judges_chair_is_taken(origin, links[0])

        _, errors = await asyncio.wait_for(process.communicate(), SECONDS + STOP_SECONDS)
        assert process.returncode == 0, errors.decode()
        assert "Traceback" not in errors.decode()
        assert " ERROR " not in errors.decode()
        assert not any(map(alive, processes))


async def everybody_can_sign_in(origin: str, text: str) -> None:
    for login in ("judge", "clerk", "coordinator-samplia", "administrator"):
        async with Visitor(origin) as visitor:
            await signed_in(visitor, text, login)


async def signed_in(visitor: Visitor, text: str, login: str) -> None:
    assert f"\n  {login} " in text
    password = found(text, r"the password (\S+)")
    await visitor.post("/sign-in", {"login": login, "password": password})


async def the_judges_chair_is_taken(origin: str, link: str) -> None:
    seat = Seat(origin, "a person in the judge's chair")
    try:
        await seat.open(urlsplit(link)._replace(fragment="").geturl())
        assert seat.view["state"] == "examining"
        assert len(seat.view["hears"]) == 7
        await seat.connect_media()
        await received_from_all(seat)
        assert seat.view["state"] == "examining", "nobody noticed"
        assert not any(place["lost_since"] for place in seat.view["places"])
        await seat.act("room/note", {"text": "The stand-in has gone."})
    finally:
        await seat.close()


@pytest.mark.parametrize("until", ["being set up", "ends the demonstration"])
async def test_ctrl_c_ends_it_at_any_time(tmp_path: Path, until: str) -> None:
    data = tmp_path / "data"
    async with shown(data) as process:
        await told(process, until)
        processes = await service_of(data)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        out, errors = await asyncio.wait_for(process.communicate(), STOP_SECONDS)
    assert process.returncode == 0, errors.decode()
    assert "has ended" in out.decode()
    assert "Traceback" not in errors.decode()
    assert not any(map(alive, processes))
