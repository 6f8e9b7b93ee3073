"""Two services cosign each other's journals, over HTTP; one is killed and comes back; one is restored from an old copy."""

import asyncio
import contextlib
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
import uvicorn

from frontend.app import Service, create_app
from frontend.rehearse import Court, free_port
from frontend.settings import Settings
from frontend.visitor import DoorRefused, Visitor, eventually
from hearings import cosigner, servicekey
from hearings.tables import Hearing
from tests.hearings.people_of_law import PASSWORD, Courthouse, Standing

pytestmark = pytest.mark.asyncio(loop_scope="session")

PAGE = {"accept": "text/html"}
SECONDS = 30
QUICK = 3.0  # seconds for a few steps, on a busy machine; one that waited for an answer would take longer


def key_of(folder: Path, port: int) -> str:
    """The cosigner's key, as a first start makes it."""
    folder.mkdir(mode=0o700)
    wrapping = servicekey.at(folder / "service.key")
    return cosigner.key_at(folder / "cosigner.key", wrapping, name=f"localhost:{port}/cosign").vkey


class Running:
    """A service in this process, on a port of its own: started, stopped, and started again on the same data."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port = free_port()
        self.key = key_of(data, self.port)
        self.administrator = Visitor(f"http://localhost:{self.port}")
        self.settings: dict[str, str] = {}
        self._server: uvicorn.Server | None = None

    @property
    def written(self) -> str:
        """As it stands in the settings of the other."""
        return f"http://localhost:{self.port}/cosign={self.key}"

    async def start(self) -> Service:
        given = {"data": self.data, "port": self.port, "media_workers": 0, **self.settings}
        app = create_app(Settings.model_validate(given))
        self._server = uvicorn.Server(uvicorn.Config(app, port=self.port, log_level="error", lifespan="on"))
        self._serving = asyncio.create_task(self._server.serve())
        await eventually(self._up, seconds=SECONDS)
        self.parts: Service = app.state.service
        return self.parts

    async def _up(self) -> bool:
        return self._server is not None and self._server.started

    async def stop(self) -> None:
        if self._server is not None:
            self._server.should_exit = True
            with contextlib.suppress(asyncio.CancelledError):
                await self._serving

    def hearing(self) -> Standing:
        return Courthouse(self.parts.journal, self.data).requested_hearing()

    async def page(self, path: str) -> str:
        if "staff" not in self.administrator.http.cookies:
            await self.administrator.post("/sign-in", {"login": "administrator", "password": PASSWORD})
        answer = await self.administrator.http.get(path, headers=PAGE)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def cosigned(self, standing: Standing) -> None:
        """Until the last entry of this hearing is cosigned."""

        async def done() -> bool:
            (one,) = self.parts.cosigners.standing(standing.id)
            return one.size == len(standing.types())

        await eventually(done, seconds=SECONDS)


@asynccontextmanager
async def running(*services: Running) -> AsyncIterator[None]:
    try:
        for one in services:
            await one.start()
        yield
    finally:
        for one in services:
            await one.stop()
            await one.administrator.close()


async def test_each_signs_for_the_other_and_an_old_copy_is_shown_to_both(tmp_path: Path) -> None:
    one, other = Running(tmp_path / "one"), Running(tmp_path / "other")
    one.settings = {"cosigners": other.written, "cosigns": other.key}
    other.settings = {"cosigners": one.written, "cosigns": one.key}
    async with running(one, other):
        here, there = one.hearing(), other.hearing()
        await one.cosigned(here)
        await other.cosigned(there)
        for each in (one, other):
            assert "What does not fit" not in await each.page("/cosigning")
        database = one.data / "vivavoce.db"
        with closing(sqlite3.connect(database)) as now, closing(sqlite3.connect(tmp_path / "old")) as old:
            now.backup(old)
        here.accepted()
        await one.cosigned(here)
        await one.stop()
        for path in one.data.glob("vivavoce.db-*"):
            path.unlink()
        shutil.copy(tmp_path / "old", database)
        await one.start()

        async def shown(each: Running, words: str) -> bool:
            return words in await each.page("/cosigning")

        await eventually(lambda: shown(one, "that do not fit what is here"), seconds=SECONDS)
        await eventually(lambda: shown(other, "may have been rolled back"), seconds=SECONDS)
        (told,) = (await other.administrator.get("/cosigning"))["troubles"]
        assert f"vivavoce/{here.id}" in told["cosigned"]
        assert f"vivavoce/{here.id}" in told["shown"]
        (stands,) = one.parts.cosigners.standing(here.id)
        assert "the database may have been restored from an old copy" in stands.sentence


async def test_no_step_takes_longer_while_the_cosigner_is_killed_and_it_goes_on_when_it_is_back(
    tmp_path: Path,
) -> None:
    one = Running(tmp_path / "one")
    port = free_port()
    key = key_of(tmp_path / "other", port)
    other = Court(tmp_path / "other", port=port, VIVAVOCE_COSIGNS=one.key)
    one.settings = {"cosigners": f"http://localhost:{port}/cosign={key}"}
    try:
        await other.start()
        async with running(one):
            standing = one.hearing()
            await one.cosigned(standing)
            await other.kill()
            for step in (standing.accepted, standing.scheduled, standing.seated):
                began = time.monotonic()
                await asyncio.to_thread(step)
                assert time.monotonic() - began < QUICK, step
            (stands,) = one.parts.cosigners.standing(standing.id)
            assert stands.size < len(standing.types())
            await other.start()
            await one.cosigned(standing)
            with one.parts.journal.reading() as tx:
                assert tx.get_one(Hearing, standing.id).state == "scheduled"
    finally:
        await other.__aexit__()


async def test_only_the_administrator_is_shown_how_it_stands(court: Court) -> None:
    told = await court.administrator.get("/cosigning")
    assert told["key"].startswith(f"localhost:{court.port}/cosign+")
    assert (told["asked"], told["services"], told["troubles"], told["contradictions"]) == ([], [], [], [])
    with pytest.raises(DoorRefused) as refused:
        await court.coordinator.get("/cosigning")
    assert refused.value.status == 403


# --- the doors


@pytest.mark.parametrize("door", ["add-checkpoint", "introduce"])
@pytest.mark.parametrize(
    "body", [b"", b"old 0\n\n", b"\xff" * 1000, b"{}", b"old 0\n\nvivavoce/x\n1\nAAAA\n\n"]
)
async def test_rubbish_at_the_doors_of_a_service(court: Court, door: str, body: bytes) -> None:
    stranger = court.visitor()
    stranger.http.headers.pop("origin")
    answer = await stranger.http.post(f"/cosign/{door}", content=body, headers={"content-type": "text/plain"})
    assert answer.status_code == 400
    assert "set-cookie" not in answer.headers
    assert answer.headers["content-type"].startswith("text/plain")
    assert "Traceback" not in answer.text


async def test_the_doors_need_no_token_and_take_no_more_than_they_must(court: Court) -> None:
    stranger = court.visitor()
    large = await stranger.http.post("/cosign/add-checkpoint", content=b"x" * (cosigner.LONGEST + 1))
    assert large.status_code in {400, 413}
    told = await stranger.http.get("/cosign/")
    assert "set-cookie" not in told.headers
    assert told.text.startswith(f"localhost:{court.port}/cosign+")
    foreign = await stranger.http.post(
        "/cosign/add-checkpoint", content=b"x", headers={"origin": "https://elsewhere.example"}
    )
    assert foreign.status_code == 403
    for what in ("/cosign/nothing", "/cosign/add-checkpoint"):
        assert (await stranger.http.get(what)).status_code in {404, 405}
