"""The composition root: builds every part once, wires them, and is imported by nothing but `command` and tests."""

import asyncio
import hashlib
import sys
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from pathlib import Path
from typing import Any

from litestar import Litestar, Router
from litestar.config.csrf import CSRFConfig
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.static_files import create_static_files_router

from consent import instruments, notices, parties
from frontend import access, problems
from frontend.forms import Asked, Presses, take_form
from frontend.kept import SWEEP_SECONDS, Drawer
from frontend.letters import Letters
from frontend.live import Live
from frontend.outward import Outward
from frontend.pages.accounts import AccountsPages
from frontend.pages.appointments import TestPages, TicketPages
from frontend.pages.checklist import ChecklistPages
from frontend.pages.consultation import ConsultationPages
from frontend.pages.cosigning import CosignDoors, CosigningPages
from frontend.pages.declarations import DeclarationPages
from frontend.pages.docket import DocketPages, HearingPages
from frontend.pages.feeds import FeedPages, PlaceFeedPages
from frontend.pages.front import FrontPages
from frontend.pages.incidents import IncidentsPages
from frontend.pages.instrument import InstrumentPages
from frontend.pages.interpretation import InterpretationPages
from frontend.pages.journal import JournalPages
from frontend.pages.keeping import CertificatePages, KeepingPages
from frontend.pages.listen import ListenPages
from frontend.pages.mail import MailPages
from frontend.pages.messages import MessagesPages
from frontend.pages.notices import NoticePages
from frontend.pages.people import JoinPages, PeoplePages
from frontend.pages.received import ReceivedPages
from frontend.pages.record import RecordPages
from frontend.pages.redaction import RedactionPages
from frontend.pages.reply import ReplyPages
from frontend.pages.request import RequestPages
from frontend.pages.room import CheckPages, RoomPages
from frontend.pages.schedule import SchedulePages
from frontend.pages.sealing import SealingPages
from frontend.pages.sending import CollectPages, SendingPages, TransferPages
from frontend.pages.verify import VerifyPages
from frontend.papers import Papers
from frontend.patience import Patience
from frontend.settings import Settings, mail_server
from frontend.sockets import (
    place_socket,
    place_test_socket,
    staff_socket,
    staff_test_socket,
    ticket_socket,
)
from frontend.spine import spine_of
from frontend.words import HERE, Words
from hearings import cosigner, cosigning, seals, servicekey
from hearings.accounts import Accounts
from hearings.acts import Acts
from hearings.alarm import LOOK_SECONDS, Alarm
from hearings.appointments import Appointments
from hearings.approvals import Approvals
from hearings.checklist import Checklist
from hearings.conduct import Conductor, WorkerSettings
from hearings.consultation import Consultations
from hearings.copies import Copies
from hearings.cosigner import Cosigner
from hearings.cosigning import Cosigners
from hearings.database import Database
from hearings.declarations import Declarations
from hearings.docket import Docket
from hearings.feeds import Feeds
from hearings.heads import Heads
from hearings.incidents import Incidents
from hearings.instrument import Choices
from hearings.interpretation import Interpretation
from hearings.journal import Clock, Journal
from hearings.keeping import Keeping
from hearings.listening import Listening
from hearings.messages import Messages
from hearings.notices import Notices
from hearings.offers import Offers
from hearings.outgoing import Outgoing
from hearings.packing import Packages
from hearings.people import People
from hearings.post import Post
from hearings.protection import Protections
from hearings.receiving import Receivings
from hearings.record import Records
from hearings.recording import Recording
from hearings.redaction import Version
from hearings.registry import Registry
from hearings.request import Requests
from hearings.room import Room
from hearings.schedule import Schedule
from hearings.sealing import Sealings
from hearings.sealkeys import TokenPlace
from hearings.sending import Sendings
from hearings.store import Store
from hearings.timestamps import Stamps, roots
from hearings.timetable import Timetable
from hearings.transfers import Partner
from scheduling.mail import MailFolder, Postman, SmtpServer
from scheduling.returned import Maildir
from scheduling.timers import Timers

THREADS = 16  # of the doors; as many as the database takes at once
MAIL_SECONDS = 2
STAMP_SECONDS = 5  # a signature waits for no authority longer
RETURNED_SECONDS = 5
SENDING_EVERY = timedelta(seconds=2)
CLOCK_SECONDS = 2
HEADS_SECONDS = 5
COPIES_EVERY = timedelta(seconds=1)
LARGEST_BODY = 1024 * 1024
_TRAVEL = [str(version) for version in Version if version is not Version.ANNEX]
"""What is handed over: the annex stays with the court."""

ACTS = [
    HearingPages,
    RequestPages,
    InstrumentPages,
    SchedulePages,
    PeoplePages,
    MailPages,
    TestPages,
    ChecklistPages,
    DeclarationPages,
    RoomPages,
    ConsultationPages,
    InterpretationPages,
    IncidentsPages,
    SealingPages,
    CheckPages,
    MessagesPages,
    JournalPages,
    RecordPages,
    RedactionPages,
    ListenPages,
    SendingPages,
    KeepingPages,
]


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Service:
    """Every part of the running service; the handlers get them by name."""

    settings: Settings
    journal: Journal
    accounts: Accounts
    approvals: Approvals
    docket: Docket
    people: People
    appointments: Appointments
    choices: Choices
    requests: Requests
    schedule: Schedule
    notices: Notices
    timetable: Timetable
    checklist: Checklist
    declarations: Declarations
    room: Room
    consultations: Consultations
    interpretation: Interpretation
    incidents: Incidents
    sealings: Sealings
    messages: Messages
    recording: Recording
    records: Records
    packages: Packages
    cosigner: Cosigner
    cosigners: Cosigners
    heads: Heads
    protections: Protections
    sendings: Sendings
    offers: Offers
    receivings: Receivings
    outward: Outward
    copies: Copies
    listening: Listening
    keeping: Keeping
    feeds: Feeds
    outgoing: Outgoing
    conductor: Conductor
    live: Live
    drawer: Drawer
    timers: Timers
    alarm: Alarm
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
    write = Letters()
    people = People(acts, post, write, address=settings.origin)
    told = Notices(acts, post, key, write, address=settings.origin, sender=parseaddr(settings.sender)[1])
    seal = seals.found(
        settings.data / "seal",
        court=settings.court,
        organisation_identifier=settings.organisation,
        at=clock(),
        token=_token(settings),
    )
    stamps = stamps_of(settings, clock)
    timers = Timers()
    keys = Registry(key)
    room = Room(acts, known, keys, loss=timedelta(seconds=settings.loss_seconds))
    timetable = Timetable(acts, room, told, known)
    acts.consequences += [told.follow, timetable.follow]
    recording = Recording(journal)
    recordings = settings.data / "recordings"
    worker = WorkerSettings(
        _worker(settings), settings.data / "worker", recordings, workers=settings.media_workers
    )
    copies = Copies(journal, keys, recordings)
    store = Store(settings.data / "documents")
    choices = Choices(acts, known, parties.load())
    partners = [Partner(*one) for one in settings.known_partners]
    conductor = Conductor(journal, room, recording, known, timers, worker)
    docket = Docket(journal)
    alarm = Alarm(database)
    outward = Outward()
    own = cosigner.key_at(settings.data / "cosigner.key", key, name=settings.cosigner_name)
    others = cosigning.checked(settings.asked_to_cosign)
    cosigners = Cosigners(journal, own, outward, others, holds=lambda: alarm.holds)
    heads = Heads(journal, seal, cosigners, stamps)
    packages = Packages(acts, seal, keys, recordings, heads, known, stamps=stamps)
    return Service(
        settings=settings,
        journal=journal,
        accounts=Accounts(journal, key),
        approvals=Approvals(journal, notices.load()),
        docket=docket,
        people=people,
        appointments=Appointments(acts, address=settings.origin),
        choices=choices,
        requests=Requests(acts, people, store, choices),
        schedule=Schedule(acts),
        notices=told,
        timetable=timetable,
        checklist=Checklist(acts, known),
        declarations=Declarations(acts, store),
        room=room,
        consultations=Consultations(acts),
        interpretation=Interpretation(acts),
        incidents=Incidents(acts, known),
        sealings=Sealings(acts, keys),
        messages=Messages(acts),
        recording=recording,
        copies=copies,
        listening=Listening(acts, keys, recordings),
        keeping=Keeping(acts, database, store, MailFolder(settings.data / "mail"), recordings),
        feeds=Feeds(journal, key, write),
        outgoing=Outgoing(journal, post),
        records=Records(acts, known, recording, seal, store, stamps=stamps, wording=Papers()),
        cosigner=Cosigner(database, own, clock, settings.cosigned_services),
        cosigners=cosigners,
        heads=heads,
        protections=Protections(acts),
        packages=packages,
        sendings=Sendings(
            acts,
            seal,
            key,
            partners=partners,
            web=outward,
            packages=packages,
            versions=_TRAVEL,
            folder=settings.data / "packages",
        ),
        offers=Offers(
            acts,
            key,
            post,
            write,
            address=settings.origin,
            days=settings.offer_days,
            packages=packages,
            versions=_TRAVEL,
        ),
        receivings=Receivings(
            journal,
            seal,
            key,
            partners=partners,
            web=outward,
            folder=settings.data / "received",
            court=settings.court,
        ),
        outward=outward,
        conductor=conductor,
        live=Live(journal, known, conductor),
        drawer=Drawer(settings.data / "kept", key),
        timers=timers,
        alarm=alarm,
        post=post,
        database=database,
    )


def create_app(settings: Settings, *, clock: Clock = now) -> Litestar:
    """The web application; its parts are in `app.state.service`."""
    service_ = build(settings, clock=clock)
    parts = {
        name: _given(getattr(service_, name))
        for name in service_.__dataclass_fields__
        if name
        not in {"alarm", "copies", "database", "drawer", "heads", "outward", "post", "timers", "timetable"}
    }
    parts["instruments"] = _given(instruments.load())
    app = Litestar(
        route_handlers=[
            FrontPages,
            AccountsPages,
            NoticePages,
            DocketPages,
            CertificatePages,
            JoinPages,
            ReplyPages,
            TicketPages,
            VerifyPages,
            TransferPages,
            CollectPages,
            ReceivedPages,
            FeedPages,
            CosignDoors,
            CosigningPages,
            Router(
                "/hearings/{hearing:uuid}",
                route_handlers=ACTS,
                dependencies=_of(access.actor_of_staff),
            ),
            Router(
                "/places/{place:uuid}",
                route_handlers=[*ACTS, PlaceFeedPages],
                dependencies=_of(access.actor_of_place),
            ),
            place_socket,
            staff_socket,
            ticket_socket,
            place_test_socket,
            staff_test_socket,
            create_static_files_router(
                "/static",
                directories=[HERE / "static"],
                include_in_schema=False,
                exception_handlers=problems.OF_FILES,
            ),
        ],
        dependencies={**parts, "staff": Provide(access.signed_in, sync_to_thread=True)},
        request_class=Asked,
        before_request=take_form,
        exception_handlers=problems.HANDLERS,
        request_max_body_size=LARGEST_BODY,
        csrf_config=CSRFConfig(
            secret=_csrf_secret(settings),
            cookie_name="csrf",
            cookie_secure=settings.secure,
            cookie_samesite="strict",
        ),
        middleware=[_walls(settings), Patience],
        before_send=[access.with_headers(settings)],
        lifespan=[_running(service_)],
        openapi_config=OpenAPIConfig(
            title="Viva Voce", version="1", path="/openapi", render_plugins=[JsonRenderPlugin()]
        ),
        debug=False,
        logging_config=None,
    )
    app.state.service = service_
    app.state.words = Words()
    app.state.drawer = service_.drawer
    app.state.presses = Presses(settings.data / "kept")
    return app


def _running(parts: Service) -> Callable[[Litestar], Any]:
    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        asyncio.get_running_loop().set_default_executor(
            ThreadPoolExecutor(THREADS, thread_name_prefix="door")
        )
        chores = Chores(parts)
        parts.timers.start()
        await chores.hold_alarm()
        await asyncio.to_thread(parts.schedule.follow_clocks)
        await asyncio.to_thread(parts.appointments.follow_clocks)
        await parts.conductor.start()
        parts.live.start()
        parts.cosigners.start()
        chores.begin()
        await asyncio.to_thread(parts.keeping.finish)  # what a service that was killed had begun to destroy
        try:
            yield
        finally:
            parts.cosigners.stop()
            chores.end()
            await parts.live.stop()
            await parts.conductor.stop()
            await parts.timers.stop()
            chores.close()
            await asyncio.to_thread(parts.outward.close)
            await asyncio.to_thread(parts.alarm.hand_over)
            await asyncio.to_thread(parts.database.close)

    return lifespan


class Chores:
    """What happens by itself. Letters, and whatever else is due, are for the one process that holds the alarm; copies are
    for the one that keeps the recordings; each tidies its own folder.
    """

    def __init__(self, parts: Service) -> None:
        self._parts = parts
        self._postman = postman_of(parts.settings)
        self._returned = Maildir(parts.settings.returned_path)
        self._ringing = asyncio.Lock()
        self._apart = ThreadPoolExecutor(
            1, thread_name_prefix="heads"
        )  # it may wait for an authority of timestamps
        self._travelling = ThreadPoolExecutor(2, thread_name_prefix="transfer")
        self._ended = False

    def begin(self) -> None:
        timers = self._parts.timers
        timers.every(LOOK_SECONDS, self.hold_alarm, name="alarm")
        timers.every(MAIL_SECONDS, self._send_mail, name="mail")
        timers.every(RETURNED_SECONDS, self._take_back, name="returned")
        timers.every(CLOCK_SECONDS, self._set_alarm, name="clock")
        self._travel_soon("sending", self._parts.sendings.work)
        self._travel_soon("receiving", self._parts.receivings.work)
        timers.every(SWEEP_SECONDS, self._tidy, name="drawer")
        timers.every(HEADS_SECONDS, self._freeze, name="heads")
        if self._parts.conductor.conducts:
            self._copy_soon()

    async def _freeze(self) -> None:
        if self._parts.alarm.holds:
            await asyncio.get_running_loop().run_in_executor(self._apart, self._parts.heads.work)

    async def hold_alarm(self) -> None:
        await asyncio.to_thread(self._parts.alarm.look)

    async def _send_mail(self) -> None:
        if self._parts.alarm.holds:
            post, journal = self._parts.post, self._parts.journal
            await asyncio.to_thread(post.deliver, journal.transaction, self._postman)

    def end(self) -> None:
        """What travels ends with its piece; a later start goes on from there."""
        self._ended = True
        self._parts.sendings.stop()
        self._parts.receivings.stop()

    def close(self) -> None:
        """Once no timer fires any more."""
        self._apart.shutdown(wait=False)
        self._travelling.shutdown(wait=False)

    def _travel_soon(self, name: str, work: Callable[[], None]) -> None:
        """One round after the other, in threads of their own: a record takes its time, and the doors need theirs."""

        async def travel() -> None:
            try:
                if self._parts.alarm.holds and not self._ended:
                    await asyncio.get_running_loop().run_in_executor(self._travelling, work)
            finally:
                if not self._ended:
                    self._travel_soon(name, work)

        self._parts.timers.at(datetime.now(UTC) + SENDING_EVERY, travel, name=name)

    async def _take_back(self) -> None:
        if self._parts.alarm.holds:
            post, journal = self._parts.post, self._parts.journal
            await asyncio.to_thread(post.take_back, journal.transaction, self._returned)

    async def _set_alarm(self) -> None:
        """The database says what is due next, which another process may have changed meanwhile."""
        due = await asyncio.to_thread(self._parts.timetable.next) if self._parts.alarm.holds else None
        if due is not None:
            self._parts.timers.at(due, self._ring, name="due")

    async def _ring(self) -> None:
        """Whatever is due; one round at a time."""
        if self._parts.alarm.holds and not self._ringing.locked():
            async with self._ringing:
                await asyncio.to_thread(self._parts.timetable.fire)

    async def _tidy(self) -> None:
        await asyncio.to_thread(self._parts.drawer.sweep)
        await asyncio.to_thread(self._parts.database.hold_reserve)
        await asyncio.to_thread(self._parts.keeping.finish)
        await asyncio.to_thread(self._parts.packages.sweep)
        await asyncio.to_thread(self._parts.sendings.sweep)
        await asyncio.to_thread(self._parts.receivings.sweep)

    def _copy_soon(self) -> None:
        """One round after the other: a round takes minutes after a long sitting."""
        self._parts.timers.at(datetime.now(UTC) + COPIES_EVERY, self._copy, name="copies")

    async def _copy(self) -> None:
        try:
            await self._parts.copies.work()
        finally:
            self._copy_soon()


def postman_of(settings: Settings) -> Postman:
    """The mail server of the settings, else the folder."""
    if not settings.smtp:
        return MailFolder(settings.data / "mail")
    server = mail_server(settings.smtp)
    credentials = (settings.smtp_user, settings.smtp_password.get_secret_value())
    return SmtpServer(
        server.host,
        server.port,
        transport=server.transport,
        credentials=credentials if settings.smtp_user else None,
    )


def stamps_of(settings: Settings, clock: Clock) -> Stamps | None:
    """The authority for timestamps of the settings. Raises: Unreachable if its roots cannot be read."""
    if not settings.timestamps:
        return None
    return Stamps(
        Outward(read=STAMP_SECONDS, whole=STAMP_SECONDS),
        settings.timestamps,
        clock,
        roots=roots(Path(settings.timestamp_roots)) if settings.timestamp_roots else (),
        policy=settings.timestamp_policy,
    )


def _token(settings: Settings) -> TokenPlace | None:
    if not settings.seal_module:
        return None
    return TokenPlace(
        Path(settings.seal_module), settings.seal_token, settings.seal_label, Path(settings.seal_pin_file)
    )


def _of(actor: Callable[..., Any]) -> dict[str, Provide]:
    return {
        "actor": Provide(actor, sync_to_thread=True),
        "spine": Provide(spine_of, sync_to_thread=True),
    }


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
    command += ["--port", settings.media_port]
    if settings.media_announce:
        command += ["--announce", settings.media_announce]
    return command
