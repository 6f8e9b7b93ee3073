"""Three web processes on one PostgreSQL behind a proxy: one conducts, one arms the clock, all tell each other."""

import asyncio
import email
import itertools
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlmodel import select

from frontend.rehearse import JUDGE, START_SECONDS, Court, Hearing, free_port
from frontend.visitor import PATIENCE, DoorRefused, Visitor, eventually
from hearings.database import Database
from hearings.tables import Alarm, Outbox
from tests.frontend.test_forms import PAGE, Fields, look, send
from tests.postgres import Cluster
from tests.story.telling import entries
from tests.story.test_live import HELLO, window_at

pytestmark = pytest.mark.asyncio(loop_scope="session")

TAKEN_OVER_SECONDS = 10
SEEN_SECONDS = 1


class Process:
    """One more web process of a court's service, which carries no sound and no picture."""

    def __init__(self, data: Path, origin: str, database: str) -> None:
        self.port = free_port()
        self._settings = {
            "VIVAVOCE_DATA": str(data),
            "VIVAVOCE_DATABASE": database,
            "VIVAVOCE_ADDRESS": origin,
            "VIVAVOCE_PORT": str(self.port),
            "VIVAVOCE_MEDIA_WORKERS": "0",
        }
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        command = [sys.executable, "-m", "frontend.command", "serve"]
        self._process = await asyncio.create_subprocess_exec(
            *command, env={**os.environ, **self._settings}, stdout=asyncio.subprocess.DEVNULL
        )
        async with httpx.AsyncClient(base_url=f"http://localhost:{self.port}") as client:
            await eventually(lambda: _answers(client), seconds=START_SECONDS)

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()


async def _answers(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/openapi/openapi.json")).is_success
    except httpx.TransportError:
        return False


class Spread(httpx.AsyncHTTPTransport):
    """A proxy that gives each request to the next process."""

    def __init__(self, *ports: int) -> None:
        super().__init__()
        self._ports = itertools.cycle(ports)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(port=next(self._ports))
        return await super().handle_async_request(request)


class Service:
    """`court` is the process that conducts; `first` was there before it, and so armed the clock."""

    def __init__(self, folder: Path) -> None:
        self.cluster = Cluster()
        self.url = self.cluster.create("service")
        self.court = Court(folder / "data", VIVAVOCE_DATABASE=self.url)
        self.first = Process(self.court.data, self.court.origin, self.url)
        self.third = Process(self.court.data, self.court.origin, self.url)
        self.database = Database(self.url)

    async def start(self) -> None:
        await self.first.start()
        await asyncio.gather(self.court.__aenter__(), self.third.start())

    async def stop(self) -> None:
        await asyncio.gather(self.first.stop(), self.third.stop(), self.court.__aexit__())
        self.database.close()
        self.cluster.remove()

    def holder(self) -> str:
        with self.database.reading() as tx:
            return tx.get_one(Alarm, 1).holder

    def letters(self) -> list[Outbox]:
        with self.database.reading() as tx:
            return list(tx.exec(select(Outbox)).all())

    def mail(self) -> list[str]:
        """The Message-ID of each letter that went out."""
        read = (
            email.message_from_bytes(path.read_bytes()) for path in (self.court.data / "mail").glob("*.eml")
        )
        return [str(message["Message-ID"]) for message in read]

    def spread(self, visitor: Visitor) -> Visitor:
        """The same browser, whose requests come to two of the processes in turn."""
        browser = Visitor(self.court.origin)
        browser.http = httpx.AsyncClient(
            base_url=self.court.origin,
            headers={"origin": self.court.origin},
            cookies=visitor.http.cookies,
            transport=Spread(self.court.port, self.third.port),
            timeout=PATIENCE,
        )
        return browser


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    service = Service(tmp_path_factory.mktemp("three"))
    try:
        await service.start()
        yield service
    finally:
        await service.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def scheduled(service: Service) -> AsyncIterator[Hearing]:
    async with Hearing(service.court) as hearing:
        await hearing.request()
        await hearing.accept()
        await hearing.schedule()
        yield hearing


async def test_what_is_done_at_one_process_is_seen_on_a_page_of_another(
    service: Service, scheduled: Hearing
) -> None:
    async with window_of(service, service.court.coordinator, scheduled.id, service.third) as window:
        await window.socket.send(HELLO)
        await window.until("scheduled")
        began = time.monotonic()
        await scheduled.staff("room/open")
        await window.until("open")
        took = time.monotonic() - began
    print(f"\nseen on the page of another process after {took:.2f} s")
    assert took < SEEN_SECONDS


def window_of(service: Service, visitor: Visitor, hearing: str, process: Process) -> Any:
    """A socket of this browser at a process."""
    there = Visitor(service.court.origin)
    there.http.cookies = visitor.http.cookies
    return window_at(there, f"hearings/{hearing}", cookie="staff", port=process.port)


async def test_sound_and_picture_are_refused_in_a_sentence_where_there_are_none(
    service: Service, scheduled: Hearing
) -> None:
    judge = await scheduled.add([JUDGE], seed=0)
    async with window_at(judge, f"places/{judge.place}", cookie="place", port=service.third.port) as window:
        await window.socket.send(HELLO)
        view = (await window.next("state"))["view"]
        assert view["you"]["place"] == judge.place
        await window.socket.send(json.dumps({"type": "offer", "connection": "c1", "sdp": "v=0\r\n"}))
        refused = await window.next("refused")
    assert refused["sentence"].startswith("Sound and picture are carried by another server of the court")


async def test_requests_may_come_to_any_process(service: Service, scheduled: Hearing) -> None:
    """A form that is refused at one is shown filled in by the other; the same copy is taken once."""
    await scheduled.staff("room/open")
    async with service.spread(service.court.coordinator) as browser:
        page = await look(browser, f"/hearings/{scheduled.id}/people?adding=abroad")
        answer = await send(browser, page, "seat", {"people.0.name": "Witness A"})
        assert Fields(answer.text).forms["seat"]["people.0.name"] == "Witness A"
        fields = Fields(await look(browser, f"/hearings/{scheduled.id}/room"))
        typed = {**fields.forms["message"], "text": "Said once."}
        answers = await asyncio.gather(
            *(browser.http.post(fields.actions["message"], data=typed, headers=PAGE) for _ in range(4))
        )
        assert {answer.status_code for answer in answers} == {303}
    assert len(await entries(scheduled, "message.sent")) == 1


async def test_a_database_that_goes_away_and_comes_back_is_a_sentence_meanwhile(
    service: Service, scheduled: Hearing
) -> None:
    coordinator = service.court.coordinator
    async with window_of(service, coordinator, scheduled.id, service.third) as window:
        await window.socket.send(HELLO)
        await window.until("scheduled")
        before = await entries(scheduled)
        service.cluster.stop()
        try:
            for _ in range(2):
                with pytest.raises(DoorRefused) as away:
                    await scheduled.staff("room/open")
                assert (away.value.status, away.value.kind) == (503, "unreachable")
                assert "Nothing was changed" in away.value.sentence
            page = await coordinator.http.get(f"/hearings/{scheduled.id}", headers=PAGE)
            assert page.status_code == 503
            assert "Traceback" not in page.text
        finally:
            service.cluster.start()
        began = time.monotonic()
        await eventually(lambda: _is(scheduled, "scheduled"))
        assert await entries(scheduled) == before
        await scheduled.staff("room/open")
        await window.until("open")
        print(f"\nall is as before {time.monotonic() - began:.2f} s after the database came back")


async def _is(hearing: Hearing, state: str) -> bool:
    try:
        return bool((await hearing.court.coordinator.get(f"/hearings/{hearing.id}"))["state"] == state)
    except DoorRefused:
        return False


async def test_another_process_arms_the_clock_when_the_one_that_did_is_killed(
    service: Service, scheduled: Hearing
) -> None:
    """A letter that becomes due meanwhile is sent once."""
    await eventually(lambda: _true(all(letter.sent for letter in service.letters())))
    holder, known = service.holder(), set(service.mail())
    assert holder
    await service.first.kill()
    began = time.monotonic()
    await invite(scheduled)
    due = [letter for letter in service.letters() if letter.sent is None]
    assert due, "nobody else sends letters"
    await eventually(lambda: _true(service.holder() != holder), seconds=TAKEN_OVER_SECONDS)
    took = time.monotonic() - began
    print(f"\ntaken over {took:.1f} s after the kill")
    assert took < TAKEN_OVER_SECONDS
    await eventually(lambda: _true(all(letter.sent for letter in service.letters())))
    new = [one for one in service.mail() if one not in known]
    assert sorted(new) == sorted(f"<{letter.id}@vivavoce.invalid>" for letter in due)
    assert {letter.attempts for letter in service.letters()} == {1}


async def invite(hearing: Hearing) -> None:
    """A witness is sent their link by a letter."""
    people = [{"name": "Witness A", "role": "heard", "capacity": "witness", "email": "a@samplia.invalid"}]
    place = {"name": "Room 2", "side": "requested", "zone": "Europe/Lisbon", "people": people}
    made = await hearing.staff("people/places", place)
    await hearing.staff(f"people/places/{made['place']}/link")


async def _true(value: bool) -> bool:
    return value
