"""Two services on this machine that know each other, one of them with a closed hearing; over real HTTP."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import uvicorn

from frontend.app import Service, create_app
from frontend.rehearse import free_port
from frontend.settings import Settings
from frontend.visitor import Visitor, eventually
from hearings import seals
from hearings.record import Records
from hearings.signatures import fingerprint
from tests.hearings.people_of_law import PASSWORD, Courthouse

COURTS = {"here": "Court of Exampleton", "there": "Court of Samplia"}


@dataclass
class House:
    """One service. `clerk`: signed in; `standing`: the closed hearing, if there is one."""

    settings: Settings
    service: Service
    house: Courthouse
    clerk: Visitor
    hearing: str = ""

    def path(self, page: str = "") -> str:
        return f"/hearings/{self.hearing}{page}"


@dataclass
class TwoServices:
    here: House
    there: House


@asynccontextmanager
async def two_services(folder: Path) -> AsyncIterator[TwoServices]:
    ports = {name: free_port() for name in COURTS}
    own = {name: _fingerprint(folder / name, court) for name, court in COURTS.items()}
    async with AsyncExitStack() as stack:
        houses = {}
        for name, other in (("here", "there"), ("there", "here")):
            settings = Settings(
                data=folder / name,
                port=ports[name],
                court=COURTS[name],
                media_workers=0,
                partners=f"{COURTS[other]}|http://localhost:{ports[other]}|{own[other]}",
            )
            houses[name] = await stack.enter_async_context(_served(settings, closing=name == "here"))
        yield TwoServices(**houses)


def _fingerprint(data: Path, court: str) -> str:
    data.mkdir(parents=True, mode=0o700)
    seal = seals.found(
        data / "seal", court=court, organisation_identifier="GOVXX-000000", at=datetime.now(UTC)
    )
    return fingerprint(seal.certificate)


@asynccontextmanager
async def _served(settings: Settings, *, closing: bool) -> AsyncIterator[House]:
    app = create_app(settings)
    parts: Service = app.state.service
    house = Courthouse(parts.journal, settings.data)
    house.hired("clerk", house.requesting)
    hearing = _closed(parts, house) if closing else ""
    server = uvicorn.Server(uvicorn.Config(app, port=settings.port, log_level="error", lifespan="on"))
    serving = asyncio.create_task(server.serve())
    clerk = Visitor(settings.origin)
    try:
        await eventually(lambda: _up(server))
        await clerk.post("/sign-in", {"login": "clerk", "password": PASSWORD})
        yield House(settings, parts, house, clerk, hearing)
    finally:
        await clerk.close()
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await serving


async def _up(server: uvicorn.Server) -> bool:
    return server.started


def _closed(parts: Service, house: Courthouse) -> str:
    standing = house.requested_hearing().accepted().scheduled().seated().opened()
    house.room.end(standing.actors["judge"])
    login = house.accounts.sign_in(login="clerk", password=PASSWORD)
    records: Records = parts.records
    records.close(house.docket.of_staff(house.accounts.staff(login), standing.id))
    return str(standing.id)
