"""`vivavoce rehearse`: a whole hearing without a page, from the letter of request to the sealed package.

It starts the service on a fresh data folder as anybody would, and then knows nothing of it but its public
doors. The parts (`Court`, `Hearing`) are what the tests of the unhappy ways are made of.
"""

import asyncio
import base64
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

import httpx

from frontend.visitor import SMALL, DoorRefused, Seat, Visitor, eventually
from media.channels import Kind
from media.synthetic import SyntheticPeer

START_SECONDS = 60
STOP_SECONDS = 30
SEALING_SECONDS = 60
FEWEST, MOST = 2, 12
PROGRAM = (sys.executable, "-m", "frontend.command")
PASSWORD = "rehearsal only"  # noqa: S105  # of a service that lives for a minute, on this machine alone
REQUESTING_ZONE = "Europe/Amsterdam"
REQUESTED_ZONE = "Europe/Lisbon"
PAPER = b"%PDF-1.4\n% Letter of request of the Court of Exampleton, for rehearsal only.\n%%EOF\n"


class RehearsalFailed(Exception):
    """The hearing did not go as it must; the sentence says where."""


@dataclass(frozen=True)
class Cast:
    """Somebody to be seated."""

    name: str
    role: str
    side: str
    function: str | None = None
    capacity: str | None = None
    language: str | None = None
    email: str | None = None

    def told(self) -> dict[str, Any]:
        said = {
            "name": self.name,
            "role": self.role,
            "function": self.function,
            "capacity": self.capacity,
            "language": self.language,
            "email": self.email,
        }
        return {name: value for name, value in said.items() if value is not None}


IDENTITY = "identity-established"  # attested by a form of its own


@dataclass(frozen=True)
class Letter:
    """What a letter of request says."""

    reference: str
    requested_reference: str
    matter: str
    purpose: str
    instrument: str = "eio"
    capacity: str | None = None
    oath: str = "I solemnly declare that I will tell the whole truth."


LETTER = Letter(
    "Rehearsal 12/2026",
    "R-77",
    "Rehearsal of a hearing by video link",
    "To hear the person named as a witness, who cannot travel.",
    capacity="witness",
)
JUDGE = Cast("Judge A", "presiding", "requesting")
WITNESS = Cast("Witness A", "heard", "requested", capacity="witness")
AUTHORITY = Cast("Magistrate B", "authority", "requested", function="investigating judge")
INTERPRETER = Cast("Interpreter C", "interpreter", "requested")
OTHERS = (
    Cast("Prosecutor D", "prosecutor", "requesting"),
    Cast("Counsel E", "defence", "requesting"),
    Cast("Lawyer F", "lawyer", "requested"),
    Cast("Judge G", "panel", "requesting"),
    Cast("Support person H", "support", "requested"),
    Cast("Technician J", "technician", "requested"),
    Cast("Judge K", "panel", "requesting"),
    Cast("Observer L", "observer", "requesting"),
)


def seating(participants: int) -> list[list[Cast]]:
    """Who sits where: a place each; with fewer than four places, the requested side shares one room."""
    abroad = [WITNESS, AUTHORITY, INTERPRETER]
    if participants < 4:
        shared = 4 - participants
        return [[JUDGE], abroad[: shared + 1], *([one] for one in abroad[shared + 1 :])]
    return [[one] for one in (JUDGE, *abroad, *OTHERS)][:participants]


class Court:
    """A service of its own: `vivavoce serve` as a process on a fresh data folder, and its staff.

    `apart`: the terminal's Ctrl-C does not reach the service, so that who started it can end it in good order.
    `origin`: how its visitors reach it, where that is not directly. `program`: what is started with `serve`.
    """

    def __init__(
        self,
        data: Path,
        *,
        port: int | None = None,
        password: str = PASSWORD,
        apart: bool = False,
        origin: str = "",
        program: Sequence[str] = PROGRAM,
        **settings: str,
    ) -> None:
        self.data = data
        self.port = port or free_port()
        self.origin = origin or f"http://localhost:{self.port}"
        self.password = password
        self._apart = apart
        self._program = program
        self._settings = settings
        self._process: asyncio.subprocess.Process | None = None
        self._visitors: list[Visitor] = []
        self.administrator = self.visitor()
        self.coordinator = self.visitor()
        self.clerk = self.visitor()
        self.judge = self.visitor()
        self.requesting = ""
        self.requested = ""

    def visitor(self) -> Visitor:
        visitor = Visitor(self.origin)
        self._visitors.append(visitor)
        return visitor

    async def __aenter__(self) -> Self:
        try:
            await self._found()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_error: object) -> None:
        for visitor in self._visitors:
            await visitor.close()
        await self.stop()

    async def _found(self) -> None:
        """The service, its two authorities, and the staff of the requesting one."""
        invitation = await self.start()
        if invitation is None:
            raise RehearsalFailed("The service did not offer to make its first administrator.")
        await self.administrator.sign_in(
            invitation, login="administrator", name="Administrator", password=self.password
        )
        self.requesting = await self.authority("Court of Exampleton", "NL", REQUESTING_ZONE)
        self.requested = await self.authority("Prosecution Office of Samplia", "PT", REQUESTED_ZONE)
        await self.hire(self.coordinator, "coordinator", self.requesting, name="Coordinator A")
        await self.hire(self.clerk, "clerk", self.requesting, name="Clerk A")
        await self.hire(self.judge, "judge", self.requesting, name="Judge A", login="judge-a")

    async def authority(self, name: str, state: str, zone: str) -> str:
        """Enters an authority; gives its number."""
        facts = {"phone": "+000 000 000", "email": "office@samplia.invalid"}
        told = {"name": name, "state": state, "zone": zone, **facts}
        return str((await self.administrator.post("/authorities", told))["authority"])

    async def hire(
        self, visitor: Visitor, role: str, authority: str, *, name: str, login: str | None = None
    ) -> None:
        """Makes the visitor a member of staff, and signs them in."""
        made = await self.administrator.post("/invitations", {"role": role, "authority": authority})
        await visitor.sign_in(made["link"], login=login or role, name=name, password=self.password)

    async def start(self) -> str | None:
        """Starts the process; gives the first administrator's link, if there is none yet."""
        environment = {
            **os.environ,
            "VIVAVOCE_DATA": str(self.data),
            "VIVAVOCE_DATABASE": "",  # a rehearsal never touches the database of a real service
            "VIVAVOCE_ADDRESS": self.origin,
            "VIVAVOCE_PORT": str(self.port),
            **self._settings,
        }
        self._process = await asyncio.create_subprocess_exec(
            *(*self._program, "serve"),
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=self._apart,
        )
        async with asyncio.timeout(START_SECONDS):
            invitation = await self._invitation(self._process)
            async with Visitor(self.origin) as visitor:
                await eventually(lambda: _answers(visitor, self), seconds=START_SECONDS)
        return invitation

    async def _invitation(self, process: asyncio.subprocess.Process) -> str | None:
        """Reads what the service prints until it says where it is."""
        invitation = None
        while process.stdout is not None and (line := (await process.stdout.readline()).decode().strip()):
            if "/invitations/" in line:
                invitation = line.rpartition(" ")[2]
            if line.endswith(self.origin):
                break
        return invitation

    @property
    def ended(self) -> bool:
        return self._process is not None and self._process.returncode is not None

    async def wait(self) -> None:
        """Until the process has ended."""
        if self._process is not None:
            await self._process.wait()

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError("the service has not been started")
        return self._process.pid

    async def kill(self) -> None:
        """Ends the web process as a power cut would; its media worker goes on."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()

    async def stop(self) -> None:
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


def _to_settle(view: Mapping[str, Any], *stages: str, proof: str) -> dict[str, Any]:
    """What whoever has this view may confirm, and blocks, of these stages; the letter shows what a document must."""
    items = [
        one["requirement"] + (f":{one['person']}" if one["person"] else "")
        for one in view["checklist"]
        if one["yours"] and one["blocks"] and not one["met"] and one["stage"] in stages
        if one["requirement"] != IDENTITY
    ]
    return {"items": items, "proof": proof, "document": view["documents"][0]["sha256"]}


@dataclass
class Hearing:
    """A hearing in a court, driven step by step; every step goes through a public door."""

    court: Court
    letter: Letter = LETTER
    id: str = ""
    desk: Seat | None = None
    seats: list[Seat] = field(default_factory=list)
    handles: dict[str, str] = field(default_factory=dict)
    casts: dict[str, list[Cast]] = field(default_factory=dict)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await asyncio.gather(*(seat.close() for seat in (*self.seats, *([self.desk] if self.desk else []))))

    def seat(self, role: str) -> Seat:
        """The place where somebody of this role sits."""
        for seat in self.seats:
            if any(one.role == role for one in self.casts[seat.name]):
                return seat
        raise KeyError(role)

    @property
    def bench(self) -> Seat:
        return self.seat("presiding")

    @property
    def heard(self) -> str:
        """The name of the person heard."""
        return next(one.name for casts in self.casts.values() for one in casts if one.role == "heard")

    async def staff(self, what: str, body: dict[str, Any] | None = None) -> Any:
        """The coordinator of the requesting side acts."""
        return await self.court.coordinator.post(f"/hearings/{self.id}/{what}", body)

    async def abroad(self, what: str, body: dict[str, Any] | None = None) -> Any:
        """The coordinator of the requested side acts, by the link that came with the request."""
        if self.desk is None:
            raise RehearsalFailed("The request has not been made.")
        return await self.desk.act(what, body)

    async def seen_abroad(self) -> dict[str, Any]:
        """The hearing as the coordinator of the requested side sees it."""
        if self.desk is None:
            raise RehearsalFailed("The request has not been made.")
        return await self.desk.look()

    async def request(self) -> None:
        self.desk = Seat(self.court.origin, "desk")
        await self.desk.open(await self.receive(self.court.requested))

    async def receive(self, requested: str) -> str:
        """The letter is entered; gives the link for the requested side's own pages."""
        document = {
            "kind": "letter",
            "name": "Letter of request.pdf",
            "media_type": "application/pdf",
            "content": base64.b64encode(PAPER).decode(),
        }
        received = await self.court.coordinator.post(
            "/hearings",
            {
                "reference": self.letter.reference,
                "requested_reference": self.letter.requested_reference,
                "instrument": self.letter.instrument,
                **({"capacity": self.letter.capacity} if self.letter.capacity else {}),
                "matter": self.letter.matter,
                "purpose": self.letter.purpose,
                "oath": self.letter.oath,
                "requesting": self.court.requesting,
                "requested": requested,
                "deadline": (datetime.now(UTC) + timedelta(days=30)).isoformat(),
                "documents": [document],
            },
        )
        self.id = received["hearing"]
        return str(received["link"])

    async def accept(self) -> None:
        await self.abroad("request/accept", {})

    async def schedule(self, *, minutes_ahead: int = 45) -> None:
        start = datetime.now(UTC) + timedelta(minutes=minutes_ahead)
        await self.agree_on(start.replace(second=0, microsecond=0))

    async def agree_on(self, start: datetime) -> None:
        """The requesting side proposes a time on its clock; the requested side confirms it."""
        wall = start.astimezone(ZoneInfo(REQUESTING_ZONE))
        body = {
            "wall": wall.replace(tzinfo=None).isoformat(),
            "zone": REQUESTING_ZONE,
            "fold": None if wall.fold == 0 else "later",
            "minutes": 60,
            "reason": "The next date that suits both sides.",
        }
        slot = await self.staff("schedule/proposals", body)
        await self.abroad(f"schedule/proposals/{slot['slot']}/confirm")

    async def add(
        self,
        casts: list[Cast],
        *,
        seed: int,
        name: str = "",
        zone: str = REQUESTED_ZONE,
        equipment: Callable[[], SyntheticPeer] | None = None,
    ) -> Seat:
        """A place with its people, and its link opened in a browser of its own. `zone`: of the side abroad."""
        name = name or f"Place of {casts[0].name}"
        if casts[0].side == "requesting":
            zone = REQUESTING_ZONE
        made = await self.staff(
            "people/places",
            {"name": name, "side": casts[0].side, "zone": zone, "people": [one.told() for one in casts]},
        )
        self.handles.update({person["name"]: person["handle"] for person in made["people"]})
        theirs = any(one.role == "authority" for one in casts)
        issue = self.abroad if theirs else self.staff
        link = await issue(f"people/places/{made['place']}/link")
        seat = Seat(self.court.origin, name, seed=seed, equipment=equipment)
        await seat.open(link["link"])
        self.seats.append(seat)
        self.casts[name] = casts
        return seat

    async def confirm_before(self) -> None:
        """The safeguards that are due before the record begins: the requested side's, then the court's."""
        proof = "It was seen to, and is in the file."
        said = _to_settle(await self.seen_abroad(), "request", "before", proof=proof)
        await self.abroad("checklist/confirm-all", said)
        if any(one.role == "presiding" for casts in self.casts.values() for one in casts):
            await self.settle(self.bench, "request", "before", proof=proof)
        else:
            told = await self.court.judge.get(f"/hearings/{self.id}")
            said = _to_settle(told, "request", "before", proof=proof)
            await self.court.judge.post(f"/hearings/{self.id}/checklist/confirm-all", said)

    async def settle(self, seat: Seat, *stages: str, proof: str) -> None:
        """Whoever sits there confirms what is theirs to confirm, and blocks, of these stages."""
        said = _to_settle(await seat.look(), *stages, proof=proof)
        if said["items"]:
            await seat.act("checklist/confirm-all", said)

    async def open_room(self) -> None:
        await self.staff("room/open")
        for seat in self.seats:
            await seat.until(lambda view: view["state"] == "open")
            await seat.connect_media()

    async def admit_all(self) -> None:
        for seat in self.seats:
            if not seat.view["you"]["admitted"]:
                await self.bench.act(f"room/admit/{seat.place}")
        for seat in self.seats:
            await seat.until(lambda view: bool(view["you"]["admitted"]))

    async def go_on_record(self) -> None:
        await self.bench.until(lambda view: not view["obstacles"]["go-on-record"])
        await self.bench.act("room/on-record")

    async def establish_identity(self) -> None:
        """The opening: the authority present attests who is heard, both confirm what is theirs to confirm, and the
        oath is taken.
        """
        authority = self.seat("authority")
        await authority.act(
            "checklist/identity",
            {"document": "passport", "ending": "42K", "second": "Technician J, who set up the room"},
        )
        for seat in (authority, self.bench):
            await self.settle(seat, "opening", proof="Done in the room, before everybody.")
        await self.swear()

    async def swear(self) -> None:
        """Once, where the letter asks for it."""
        view = await self.bench.look()
        if not self.letter.oath or view["oaths"]:
            return
        people = [person for place in view["places"] for person in place["people"] if person["capacity"]]
        await self.bench.act(
            "room/oath",
            {
                "person": people[0]["handle"],
                "form": "affirmation",
                "words": self.letter.oath,
            },
        )

    async def finish(self) -> None:
        """Ends the sitting, has the minutes signed, and closes the file."""
        await self.bench.act("room/end")
        authority = self.seat("authority")
        await authority.until(
            lambda view: view["state"] == "ended" and view["kept"] >= view["stretches"],
            seconds=SEALING_SECONDS,
        )
        await self.sign()
        await authority.until(lambda view: not view["obstacles"]["close"], seconds=SEALING_SECONDS)
        await self.court.clerk.post(f"/hearings/{self.id}/record/close")

    async def sign(self) -> None:
        """Both documents of the record, each by who answers for it."""
        await self.sign_as(self.seat("authority"), "requested")
        await self.sign_as(self.bench, "requesting")

    async def sign_as(self, seat: Seat, whose: str) -> None:
        """The document of a side."""
        await eventually(partial(self._signed, seat, whose), seconds=SEALING_SECONDS)

    async def _signed(self, seat: Seat, whose: str) -> bool:
        """Reads it out, explains what it lacks, signs it; not, if something came in meanwhile that it tells of."""
        try:
            for one in (draft := await self.draft(seat, whose))["lacking"]:
                what, _, person = one["id"].partition("-")
                if what == "read":
                    said = {"language": "en", "said": "right", "sha256": draft["text"]}
                    await seat.act("record/read-out", {"whose": whose, "person": person, **said})
                else:
                    reason = {"requirement": one["id"], "reason": "The rehearsal was too short."}
                    await seat.act("record/explain", {"whose": whose, **reason})
            digest = (await self.draft(seat, whose))["digest"]
            await seat.act("record/sign", {"whose": whose, "sha256": digest})
        except DoorRefused as refused:
            if refused.kind != "not-now":
                raise
            return False
        return True

    async def draft(self, seat: Seat, whose: str) -> dict[str, Any]:
        """A document of the record as it stands."""
        told: dict[str, Any] = await seat.get(f"/places/{seat.place}/record/draft/{whose}")
        return told

    async def package(self, folder: Path) -> Path:
        """Downloads the package and the trust file."""
        name, data = await self.court.clerk.file(f"/hearings/{self.id}/record/package")
        _, trust = await self.court.clerk.file(f"/hearings/{self.id}/record/trust")
        return await asyncio.to_thread(_keep, folder, name, data, trust)


class Rehearsal:
    def __init__(self, out: Path, *, seconds: int, participants: int) -> None:
        if not FEWEST <= participants <= MOST:
            raise RehearsalFailed(f"A rehearsal has {FEWEST} to {MOST} places.")
        if seconds < 1:
            raise RehearsalFailed("A rehearsal is at least one second on the record.")
        self._out = out
        self._seconds = seconds
        self._participants = participants

    def run(self) -> Path:
        """Conducts the hearing; gives the path of the package. Raises: RehearsalFailed."""
        with tempfile.TemporaryDirectory(prefix="vivavoce-") as data:
            try:
                return asyncio.run(self._conduct(Path(data)))
            except DoorRefused as error:
                raise RehearsalFailed(f"A door was closed: {error}") from error
            except TimeoutError as error:
                raise RehearsalFailed(f"Something did not happen in time. {error}") from error

    async def _conduct(self, data: Path) -> Path:
        async with Court(data) as court, Hearing(court) as hearing:
            await hearing.request()
            await hearing.accept()
            await hearing.schedule()
            for seed, casts in enumerate(seating(self._participants)):
                await hearing.add(casts, seed=seed)
            await hearing.confirm_before()
            await hearing.open_room()
            await hearing.admit_all()
            await hearing.go_on_record()
            await hearing.establish_identity()
            await hearing.swear()
            await hearing.bench.act("room/examine")
            await asyncio.sleep(self._seconds)
            self._check_media(hearing)
            await hearing.bench.act("room/off-record", {"text": "The questions are at an end."})
            await hearing.finish()
            return await hearing.package(self._out)

    def _check_media(self, hearing: Hearing) -> None:
        """Everyone who may must really have heard and seen everyone."""
        for seat in hearing.seats:
            wanted = set(seat.view["hears"])
            missing = wanted - set(seat.lines.values())
            if missing:
                raise RehearsalFailed(f"{seat.name} was not given a line for {len(missing)} others.")
            for line in seat.lines:
                for kind in (Kind.AUDIO, Kind.CAMERA):
                    if not seat.received(line, kind):
                        raise RehearsalFailed(f"{seat.name} received no {kind} on line {line}.")


async def _answers(visitor: Visitor, court: Court) -> bool:
    if court.ended:
        raise RehearsalFailed("The service ended before it answered.")
    try:
        await visitor.http.get(SMALL)
    except httpx.TransportError:
        return False
    return True


def _keep(folder: Path, name: str, data: bytes, trust: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    (folder / "trust.json").write_bytes(trust)
    return folder / name


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
