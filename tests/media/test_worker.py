"""The worker as a process of its own: its link, its spool, its end."""

import asyncio
import contextlib
import signal
import socket
import sys
from pathlib import Path

import pytest
from bare_page import BarePage, until
from keys import KEY

from media.channels import Channel, Seat, table
from media.control import (
    Acknowledged,
    Answered,
    Conduct,
    Declined,
    Dismiss,
    Levels,
    Lined,
    Link,
    Load,
    Offered,
    PeerPlan,
    Ready,
    RecordPlan,
    Report,
    RoomPlan,
)
from media.ice_lite import IceLite
from media.spool import Spool
from media.worker import ROOMS, Worker, main

HERE = Path(__file__).resolve().parents[2]


class Conductor:
    """The other end of the control link: starts a worker, and keeps what it says, link by link."""

    def __init__(self, folder):
        self.folder = folder
        self.socket = folder / "control"
        self.links = []
        self.said = []
        self.acknowledges = True
        self.server = None
        self.process = None
        self.version = 0

    async def listen(self):
        self.server = await asyncio.start_unix_server(self._linked, self.socket)

    async def deafen(self):
        """Stops listening and breaks the links that are there."""
        self.server.close()
        for link in self.links:
            link.close()
        self.socket.unlink()

    async def _linked(self, reader, writer):
        link = Link(reader, writer)
        self.links.append(link)
        said = []
        self.said.append(said)
        with contextlib.suppress(Exception):
            async for message in link.at_conductor():
                said.append(message)
                if self.acknowledges and isinstance(message, Report):
                    link.send(Acknowledged(n=message.n))

    async def start(self, *options):
        before = len(self.said)
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "media.worker",
            "--control",
            str(self.socket),
            "--spool",
            str(self.folder / "spool"),
            *options,
            cwd=HERE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await until(lambda: len(self.said) > before and self.said[-1], seconds=20, what="a link")

    async def stop(self, number=signal.SIGTERM):
        if self.process.returncode is None:
            self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), 15)

    async def close(self):
        await self.stop(signal.SIGKILL)
        self.server.close()
        for link in self.links:
            link.close()
        await asyncio.sleep(0)

    def send(self, message):
        self.links[-1].send(message)

    def conduct(self, *places, hearing="h1", armed=False, record=None):
        self.version += 1
        seats = [Seat(place=place, channel=Channel.FLOOR) for place in places]
        plan = RoomPlan(
            hearing=hearing,
            version=self.version,
            folder=str(self.folder / "originals"),
            peers=[PeerPlan(place=place, handle=f"{place:a<8}") for place in places],
            allowed=sorted(table(seats, recorder=armed)),
            armed=armed,
            record=record,
        )
        self.send(Conduct(room=plan))

    async def page(self, place):
        page = await BarePage.open()
        self.send(Offered(hearing="h1", place=place, connection=place, sdp=page.offer()))
        await until(lambda: any(each.place == place for each in self.all(Answered)), what="an answer")
        answers = [each for each in self.all(Answered) if each.place == place]
        await page.connect(answers[-1].sdp)
        return page

    def all(self, kind):
        return [message for said in self.said for message in said if isinstance(message, kind)]

    def facts(self):
        return [report.fact.fact for report in self.all(Report)]


@pytest.fixture
async def conductor(tmp_path):
    conductor = Conductor(tmp_path)
    await conductor.listen()
    await conductor.start()
    yield conductor
    await conductor.close()


async def test_it_says_ready_and_carries_and_records(conductor):
    (ready,) = conductor.all(Ready)
    assert ready.pid == conductor.process.pid
    assert conductor.said[0][0] is ready
    conductor.conduct("judge", "witness", armed=True)
    judge, witness = await conductor.page("judge"), await conductor.page("witness")
    await until(lambda: conductor.facts().count("joined") == 2 and "armed" in conductor.facts())
    at = conductor.all(Report)[-1].fact.at
    record = RecordPlan(stretch=1, since=at, tracks=["witnessa-audio"], key=KEY)
    conductor.conduct("judge", "witness", armed=True, record=record)
    for _ in range(10):
        witness.say()
        await asyncio.sleep(0.02)
    await until(lambda: len(judge.heard("audio")) == 10)
    await until(lambda: any(levels.recorded.get("witnessa-audio") for levels in conductor.all(Levels)))
    assert any(lined.lines == [(0, "witness")] for lined in conductor.all(Lined))
    ended = record.model_copy(update={"until": at + 200})
    conductor.conduct("judge", "witness", armed=True, record=ended)
    await until(lambda: "stretch" in conductor.facts(), seconds=10)
    assert list((conductor.folder / "originals").iterdir())
    conductor.send(Dismiss(hearing="h1"))
    await until(lambda: judge.closed and witness.closed)
    await until(lambda: conductor.facts().count("left") == 2)
    numbers = [report.n for report in conductor.all(Report)]
    assert numbers == list(range(1, len(numbers) + 1))
    for page in (judge, witness):
        await page.close()


async def test_what_was_not_acknowledged_is_told_again_after_a_kill(conductor):
    conductor.acknowledges = False
    conductor.conduct("witness")
    page = await conductor.page("witness")
    await until(lambda: "joined" in conductor.facts())
    told = conductor.all(Report)
    await conductor.stop(signal.SIGKILL)
    await conductor.start()
    await until(lambda: len(conductor.said[1]) > len(told))
    ready, *again = conductor.said[1][: 1 + len(told)]
    assert isinstance(ready, Ready)
    assert again == told
    conductor.send(Acknowledged(n=told[-1].n))
    conductor.conduct("judge")
    conductor.send(Dismiss(hearing="h1"))
    await page.close()


async def test_rooms_go_on_while_the_link_is_gone_and_their_facts_come_later(conductor):
    conductor.conduct("judge", "witness")
    judge, witness = await conductor.page("judge"), await conductor.page("witness")
    await until(lambda: conductor.facts().count("joined") == 2)
    await conductor.deafen()
    witness.say()
    await until(lambda: judge.heard("audio"))
    await witness.dtls.close()
    await conductor.listen()
    await until(lambda: len(conductor.said) == 2 and "left" in conductor.facts(), seconds=10)
    first, again = conductor.all(Ready)
    assert conductor.said[1][0] is again
    assert (first.rooms, again.rooms) == ([], ["h1"])
    judge.say()
    for page in (judge, witness):
        await page.close()


async def test_sigterm_ends_it_cleanly_with_everything_told_in_the_spool(conductor):
    conductor.conduct("witness")
    page = await conductor.page("witness")
    await until(lambda: "joined" in conductor.facts())
    await conductor.deafen()
    assert await conductor.stop() == 0
    await until(lambda: page.closed, what="the page told of the end")
    assert '"fact":"left"' in (conductor.folder / "spool" / "reports.jsonl").read_text()
    await conductor.listen()
    await conductor.start()
    await until(lambda: "left" in conductor.facts())
    await page.close()


async def test_offers_and_plans_that_cannot_be_taken_are_declined(conductor):
    conductor.send(Offered(hearing="none", place="a", connection="c1", sdp="v=0"))
    conductor.conduct("a")
    conductor.send(Offered(hearing="h1", place="b", connection="c2", sdp="v=0"))
    conductor.send(Offered(hearing="h1", place="a", connection="c3", sdp="rubbish"))
    for number in range(ROOMS):
        conductor.conduct("a", hearing=f"more{number}")
    await until(lambda: len(conductor.all(Declined)) == 4)
    declined = conductor.all(Declined)
    assert [each.connection for each in declined] == ["c1", "c2", "c3", ""]
    assert declined[-1].hearing == f"more{ROOMS - 1}"
    assert all(each.sentence.endswith(".") for each in declined)


async def test_it_tells_every_second_how_busy_it_is(conductor):
    await until(lambda: len(conductor.all(Load)) >= 3, seconds=10)
    assert all(0 <= load.busy <= 1 for load in conductor.all(Load))


class FakeMeter:
    full = True


class FakeLink:
    """Keeps what is sent."""

    def __init__(self):
        self.sent = []

    def send(self, message):
        self.sent.append(message)


async def test_a_worker_whose_loop_is_full_declines_newcomers(tmp_path):
    spool, ice = Spool(tmp_path), await IceLite.open(listen="127.0.0.1")
    worker = Worker(ice, spool, FakeMeter())
    worker._link = FakeLink()
    plan = RoomPlan(
        hearing="h1",
        version=1,
        folder=str(tmp_path),
        peers=[PeerPlan(place="a", handle="aaaaaaaa")],
        allowed=[],
    )
    worker._take(Conduct(room=plan))
    page = await BarePage.open()
    worker._take(Offered(hearing="h1", place="a", connection="c1", sdp=page.offer()))
    (declined,) = worker._link.sent
    assert "as many people as it can" in declined.sentence
    await worker.finish()
    await page.close()
    ice.close()
    spool.close()


async def test_it_takes_the_first_free_port_that_it_was_given(conductor):
    await conductor.stop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        await conductor.start("--port", f"{port}-{port + 9}")
        conductor.conduct("a")
        page = await conductor.page("a")
        assert port < page.remote[1] <= port + 9
        await page.close()


def test_a_worker_that_finds_no_free_port_says_so(tmp_path, caplog):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        assert main(["--control", str(tmp_path / "c"), "--spool", str(tmp_path), "--port", port]) == 1
    assert f"no UDP port from {port} to {port} is free" in caplog.text


def test_a_port_that_is_none_is_told_at_once(capsys):
    with pytest.raises(SystemExit):
        main(["--control", "c", "--spool", "s", "--port", "many"])
    assert "--port" in capsys.readouterr().err


def test_a_worker_that_cannot_start_says_so(tmp_path, caplog):
    (tmp_path / "spool").write_text("in the way")
    assert main(["--control", str(tmp_path / "c"), "--spool", str(tmp_path / "spool")]) == 1
    assert "cannot start" in caplog.text
