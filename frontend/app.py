"""The composition root: builds every part once, wires them, and is imported by nothing but `command` and tests."""

import asyncio
import hashlib
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from litestar import Litestar, Router
from litestar.config.csrf import CSRFConfig
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

from consent import instruments
from frontend import access, problems
from frontend.live import Live
from frontend.pages.accounts import AccountsPages
from frontend.pages.checklist import ChecklistPages
from frontend.pages.docket import DocketPages, HearingPages
from frontend.pages.journal import JournalPages
from frontend.pages.people import JoinPages, PeoplePages
from frontend.pages.record import RecordPages
from frontend.pages.request import RequestPages
from frontend.pages.room import RoomPages
from frontend.pages.schedule import SchedulePages
from frontend.settings import Settings
from frontend.sockets import place_socket
from hearings import seals, servicekey
from hearings.accounts import Accounts
from hearings.actors import service
from hearings.acts import Acts
from hearings.checklist import Checklist
from hearings.conduct import Conductor, WorkerSettings
from hearings.database import Database
from hearings.docket import Docket
from hearings.errors import Refusal
from hearings.journal import Clock, Journal
from hearings.people import People
from hearings.post import Post
from hearings.record import Records
from hearings.recording import Recording
from hearings.request import Requests
from hearings.room import Room
from hearings.schedule import Schedule
from hearings.store import Store
from scheduling.mail import MailFolder
from scheduling.timers import Timers

MAIL_SECONDS = 2
CLOCK_SECONDS = 5
EARLY = timedelta(minutes=30)
LARGEST_BODY = 1024 * 1024

ACTS = [
    HearingPages,
    RequestPages,
    SchedulePages,
    PeoplePages,
    ChecklistPages,
    RoomPages,
    JournalPages,
    RecordPages,
]


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Service:
    """Every part of the running service; the handlers get them by name."""

    settings: Settings
    journal: Journal
    accounts: Accounts
    docket: Docket
    people: People
    requests: Requests
    schedule: Schedule
    checklist: Checklist
    room: Room
    recording: Recording
    records: Records
    conductor: Conductor
    live: Live
    timers: Timers
    post: Post
    database: Database


def build(settings: Settings, *, clock: Clock = now) -> Service:
    """Opens the data folder (made on first use), brings the database up to date, builds the parts."""
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = Database(settings.database_url)
    database.migrate()
    key = servicekey.at(settings.data / "service.key")
    journal = Journal(database, key, clock)
    acts = Acts(journal)
    known = instruments.load()
    post = Post(key, clock, sender=settings.sender)
    people = People(acts, post, address=settings.origin)
    seal = seals.found(
        settings.data / "seal",
        court=settings.court,
        organisation_identifier=settings.organisation,
        at=clock(),
    )
    timers = Timers()
    room = Room(acts, known, loss=timedelta(seconds=settings.loss_seconds))
    recording = Recording(journal)
    recordings = settings.data / "recordings"
    worker = WorkerSettings(_worker(settings), settings.data / "worker", recordings)
    conductor = Conductor(journal, room, recording, known, timers, worker)
    docket = Docket(journal)
    return Service(
        settings=settings,
        journal=journal,
        accounts=Accounts(journal),
        docket=docket,
        people=people,
        requests=Requests(acts, people, Store(settings.data / "documents"), known),
        schedule=Schedule(acts),
        checklist=Checklist(acts, known),
        room=room,
        recording=recording,
        records=Records(acts, known, recording, seal, recordings),
        conductor=conductor,
        live=Live(journal, docket, known, conductor),
        timers=timers,
        post=post,
        database=database,
    )


def create_app(settings: Settings, *, clock: Clock = now) -> Litestar:
    """The web application; its parts are in `app.state.service`."""
    service_ = build(settings, clock=clock)
    parts = {
        name: _given(getattr(service_, name))
        for name in service_.__dataclass_fields__
        if name not in {"database", "post", "timers"}
    }
    parts["instruments"] = _given(instruments.load())
    app = Litestar(
        route_handlers=[
            AccountsPages,
            DocketPages,
            JoinPages,
            Router(
                "/hearings/{hearing:uuid}",
                route_handlers=ACTS,
                dependencies={"actor": Provide(access.actor_of_staff, sync_to_thread=True)},
            ),
            Router(
                "/places/{place:uuid}",
                route_handlers=ACTS,
                dependencies={"actor": Provide(access.actor_of_place, sync_to_thread=True)},
            ),
            place_socket,
        ],
        dependencies={**parts, "staff": Provide(access.signed_in, sync_to_thread=True)},
        exception_handlers=problems.HANDLERS,
        request_max_body_size=LARGEST_BODY,
        csrf_config=CSRFConfig(
            secret=_csrf_secret(settings),
            cookie_name="csrf",
            cookie_secure=settings.secure,
            cookie_samesite="strict",
        ),
        middleware=[_walls(settings)],
        before_send=[access.with_headers(settings)],
        lifespan=[_running(service_)],
        openapi_config=OpenAPIConfig(
            title="Viva Voce", version="1", path="/openapi", render_plugins=[JsonRenderPlugin()]
        ),
        debug=False,
        logging_config=None,
    )
    app.state.service = service_
    return app


def _running(parts: Service) -> Callable[[Litestar], Any]:
    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        postman = MailFolder(parts.settings.data / "mail")

        async def send_mail() -> None:
            await asyncio.to_thread(parts.post.deliver, parts.database.transaction, postman)

        async def watch_clock() -> None:
            await asyncio.to_thread(_open_due_rooms, parts)

        parts.timers.start()
        await parts.conductor.start()
        parts.live.start()
        parts.timers.every(MAIL_SECONDS, send_mail, name="mail")
        parts.timers.every(CLOCK_SECONDS, watch_clock, name="clock")
        try:
            yield
        finally:
            await parts.live.stop()
            await parts.conductor.stop()
            await parts.timers.stop()
            parts.database.close()

    return lifespan


def _open_due_rooms(parts: Service) -> None:
    """The clock opens the room half an hour before the hearing."""
    with parts.journal.reading() as tx:
        due = parts.schedule.due(tx, parts.journal.clock(), early=EARLY)
    for hearing in due:
        try:
            parts.room.open(service(hearing))
        except Refusal:
            continue  # somebody opened or cancelled it in this very moment


def _given(value: Any) -> Provide:
    def provide() -> Any:
        return value

    return Provide(provide, sync_to_thread=False, use_cache=True)


def _walls(settings: Settings) -> Callable[[Any], access.Walls]:
    def build_walls(app: Any) -> access.Walls:
        return access.Walls(app, settings)

    return build_walls


def _csrf_secret(settings: Settings) -> str:
    key = (settings.data / "service.key").read_bytes()
    return hashlib.sha256(b"csrf" + key).hexdigest()


def _worker(settings: Settings) -> list[str]:
    command = [sys.executable, "-m", "media.worker", "--listen", settings.media_listen]
    command += ["--port", str(settings.media_port)]
    if settings.media_announce:
        command += ["--announce", settings.media_announce]
    return command
