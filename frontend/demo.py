"""`vivavoce demo`: a service on a fresh data folder, with a docket as a court has it on a working day.

One hearing stands at each state. One is in session: the people in it are synthetic, really send sound and picture,
and give up their chair to whoever opens the personal link that is printed for it. Everything comes about through
the public doors, as in a rehearsal. Everybody and every matter is invented.
"""

import asyncio
import contextlib
import secrets
import signal
import socket
import sys
import tempfile
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from frontend import settings
from frontend.rehearse import (
    AUTHORITY,
    INTERPRETER,
    JUDGE,
    SEALING_SECONDS,
    Cast,
    Court,
    Hearing,
    Letter,
    RehearsalFailed,
)
from frontend.visitor import DoorRefused, Seat
from media.loops import Turn
from media.synthetic import SyntheticPeer

PORTS = 50
LINES = 1  # nobody looks at what the synthetic people receive
PICTURES = 5  # a second
EARLIEST = timedelta(seconds=20)  # a time is proposed at least so long before it comes
FAR_ZONE = "America/Santiago"
SEALED_SECONDS = 2.0
LOOPBACK = "127.0.0.1"
MUTED = "#muted"  # whoever takes a chair joins with the microphone closed

Tell = Callable[[str], None]


class DemoFailed(Exception):
    """The demonstration could not be set up; the sentence says why."""


# --- the docket ------------------------------------------------------------------------------------

CLERK = Cast("Clerk A", "clerk", "requesting")
PROSECUTOR = Cast("Prosecutor D", "prosecutor", "requesting")
COUNSEL = Cast("Counsel E", "defence", "requesting", function="counsel for the accused")
LAWYER = Cast("Lawyer F", "lawyer", "requested")
EXPERT = Cast(
    "Expert L", "heard", "requested", capacity="expert", language="es", email="expert.l@samplia.invalid"
)
PANEL = Cast("Judge G", "panel", "requesting")
WITNESS = Cast("Witness A", "heard", "requested", capacity="witness", language="ar")


@dataclass(frozen=True)
class Matter:
    """A hearing of the docket: where it stands, what it is about, and who is heard. `far`: in another State."""

    stands: str
    letter: Letter
    heard: Cast
    far: bool = False


def _matter(stands: str, number: int, about: str, purpose: str, heard: Cast, **more: bool) -> Matter:
    instrument = "ets182" if more.get("far") else "eio"
    letter = Letter(f"{number}/2026", f"S-{number + 1207}", about, purpose, instrument, heard.capacity)
    return Matter(stands, letter, heard, **more)


def _heard(name: str, capacity: str, language: str = "pt") -> Cast:
    email = f"{name.lower().replace(' ', '.')}@samplia.invalid"
    return Cast(name, "heard", "requested", capacity=capacity, language=language, email=email)


DOCKET = (
    _matter(
        "examining",
        171,
        "Theft from a warehouse in the port of Exampleton",
        "To hear Witness A, who was the watchman of the warehouse that night and now lives abroad.",
        WITNESS,
    ),
    _matter(
        "on-record",
        184,
        "Import of protected birds without a permit",
        "To hear Expert P on the marks by which the birds were identified.",
        _heard("Expert P", "expert"),
    ),
    _matter(
        "open",
        188,
        "Collision of two lorries on a motorway",
        "To hear Witness Q, who drove behind the second lorry.",
        _heard("Witness Q", "witness"),
    ),
    _matter(
        "suspended",
        167,
        "Fraudulent bankruptcy of a shipping company",
        "To hear Witness R, who kept the company's books.",
        _heard("Witness R", "witness"),
    ),
    _matter(
        "scheduled",
        198,
        "Armed robbery of a savings bank; extradition of Person S",
        "To hear Witness T on where Person S was on the day of the robbery.",
        _heard("Witness T", "witness", "es"),
        far=True,
    ),
    _matter(
        "adjourned",
        159,
        "Forgery of a will",
        "To hear Expert U on the handwriting of the will.",
        _heard("Expert U", "expert"),
    ),
    _matter(
        "ended",
        152,
        "Assault at a railway station",
        "To hear Victim V, who cannot travel after the injury.",
        _heard("Victim V", "victim"),
    ),
    _matter(
        "closed",
        140,
        "Burglary at a jeweller's",
        "To hear Witness W, to whom one of the rings was offered.",
        _heard("Witness W", "witness"),
    ),
    _matter(
        "accepted",
        209,
        "Fraud with forged invoices",
        "To hear Witness X, who was the accountant of the company.",
        _heard("Witness X", "witness"),
    ),
    _matter(
        "requested",
        214,
        "Theft of a painting from a museum",
        "To hear Expert Y on the origin of the canvas.",
        _heard("Expert Y", "expert"),
    ),
    _matter(
        "declined",
        203,
        "Insult in a public letter",
        "To hear Witness Z, who received the letter.",
        _heard("Witness Z", "witness"),
    ),
    _matter(
        "cancelled",
        195,
        "Damage to a fishing boat",
        "To hear Witness N, who saw the collision from the quay.",
        _heard("Witness N", "witness"),
    ),
)


# --- one hearing on its way ------------------------------------------------------------------------


class House(Court):
    """The service, with the staff of both sides and a second authority abroad."""

    def __init__(self, data: Path, *, port: int, password: str) -> None:
        super().__init__(data, port=port, password=password, apart=True)
        self.judge, self.other, self.farther = self.visitor(), self.visitor(), self.visitor()
        self.far = ""

    async def _found(self) -> None:
        await super()._found()
        self.far = await self.authority("Prosecution Office of Specimen", "CL", FAR_ZONE)
        for authority, years in ((self.requesting, 5), (self.requested, 10)):
            told = {"keeps": years, "rule": "Invented rule of this demonstration"}
            await self.administrator.post(f"/authorities/{authority}/rule", told)
        await self.hire(self.judge, "judge", self.requesting, name="Judge A")
        for visitor, login, authority, name in (
            (self.other, "coordinator-samplia", self.requested, "Coordinator B"),
            (self.farther, "coordinator-specimen", self.far, "Coordinator C"),
        ):
            await self.hire(visitor, "coordinator", authority, name=name, login=login)


class Case(Hearing):
    """A matter of the docket, brought to where it stands."""

    def __init__(self, house: House, matter: Matter) -> None:
        super().__init__(house, matter.letter)
        self.matter = matter
        self._house = house
        self._others = house.farther if matter.far else house.other

    async def abroad(self, what: str, body: dict[str, Any] | None = None) -> Any:
        return await self._others.post(f"/hearings/{self.id}/{what}", body)

    async def seen_abroad(self) -> dict[str, Any]:
        return dict(await self._others.get(f"/hearings/{self.id}"))

    async def bring(self) -> None:
        await self.receive(self._house.far if self.matter.far else self._house.requested)
        for step in WAYS[self.matter.stands]:
            await step(self)

    async def decline(self) -> None:
        await self.abroad(
            "request/decline", {"reason": "Witness Z has moved away; the new address is not known here."}
        )

    async def cancel(self) -> None:
        reason = "The owners of the two boats have come to terms, and the charge was withdrawn."
        await self.staff("schedule/cancel", {"code": "settled", "reason": reason})

    async def invite(self) -> None:
        """The court behind one camera, and those abroad behind another; they send nothing."""
        abroad = [self.matter.heard, AUTHORITY, INTERPRETER, LAWYER]
        zone = {"zone": FAR_ZONE} if self.matter.far else {}
        await self.add([JUDGE, CLERK], seed=0, name="Court room 3", equipment=_absent_minded)
        await self.add(abroad, seed=1, name="Hearing room abroad", equipment=_absent_minded, **zone)

    async def invite_expert(self) -> None:
        """A second person is heard, at a place and a time of their own."""
        zone = {"zone": FAR_ZONE} if self.matter.far else {}
        await self.add([EXPERT], seed=2, name="Institute of Samplia", equipment=_absent_minded, **zone)

    async def give_turns(self) -> None:
        seen = dict(await self.court.coordinator.get(f"/hearings/{self.id}/hearing"))
        sitting = seen["plan"][0]
        begins = datetime.fromisoformat(sitting["instant"]).astimezone(ZoneInfo(sitting["zone"]))
        times = ((self.matter.heard, 0, 35), (EXPERT, 40, 20))
        turns = [
            {
                "person": self.handles[cast.name],
                "at": f"{begins + timedelta(minutes=after):%H:%M}",
                "minutes": minutes,
            }
            for cast, after, minutes in times
        ]
        await self.staff("schedule/turns", {"sitting": sitting["sitting"], "turns": turns})

    async def invite_senders(self) -> None:
        """The same, with sound and picture."""
        abroad = [self.matter.heard, AUTHORITY, INTERPRETER, LAWYER]
        await self.add([JUDGE, CLERK], seed=0, name="Court room 3", equipment=_speaker(0, 2))
        await self.add(abroad, seed=1, name="Hearing room abroad", equipment=_speaker(1, 2))

    async def invite_each(self) -> None:
        """Everybody at a place of their own."""
        people = (JUDGE, INTERPRETER, WITNESS, AUTHORITY, PROSECUTOR, COUNSEL, PANEL, LAWYER)
        for number, cast in enumerate(people):
            await self.add([cast], seed=number, equipment=_speaker(number, len(people)))

    async def schedule_later(self) -> None:
        await self.agree_on(_workday(datetime.now(UTC), days=3 + self.matter.far).replace(hour=14))

    async def schedule_now(self) -> None:
        await self.agree_on(_soon(datetime.now(UTC)))

    async def open_room(self) -> None:
        with _done_already():
            await self.staff("room/open")
        await asyncio.gather(*(self._come_in(seat) for seat in self.seats))

    async def _come_in(self, seat: Seat) -> None:
        await seat.until(lambda view: view["state"] == "open")
        await seat.connect_media()

    async def examine(self) -> None:
        await self.establish_identity()
        await self.swear()
        await self.bench.act("room/examine")

    async def close_microphones(self) -> None:
        """Of those who send nothing."""
        for seat in self.seats:
            await seat.act("room/mute", {"kind": "audio", "muted": True})

    async def close_ours(self) -> None:
        """That of the room abroad is open, and dead: the court is told."""
        await self.seats[0].act("room/mute", {"kind": "audio", "muted": True})

    async def seal_a_moment(self) -> None:
        await self.bench.act("room/seal", {"reason": "The witness names a person who is protected."})
        await asyncio.sleep(SEALED_SECONDS)
        await self.bench.act("room/seal/end")

    async def note(self) -> None:
        for words in (
            "The witness knows nobody of the accused.",
            "Counsel asks to put the plan of the warehouse to the witness; nobody objects.",
        ):
            await self.bench.act("room/note", {"text": words})

    async def suspend(self) -> None:
        await self.bench.act(
            "room/suspend", {"text": "The witness is not well. The hearing goes on after a rest."}
        )

    async def go_off_record(self) -> None:
        await self.bench.act("room/off-record", {"text": "The questions are at an end."})

    async def adjourn(self) -> None:
        await self.bench.act(
            "room/adjourn",
            {
                "reason": "The original of the will is to be brought to the hearing room abroad.",
                "until": _workday(datetime.now(UTC), days=28).replace(hour=9).isoformat(),
                "zone": "Europe/Amsterdam",
            },
        )

    async def end(self) -> None:
        await self.bench.act("room/end")
        await self.bench.until(lambda view: bool(view["kept"] >= view["stretches"]), seconds=SEALING_SECONDS)

    async def close_file(self) -> None:
        await self.finish()

    async def chair(self, role: str) -> str:
        """A link by which a person takes the chair of a stand-in, or the sentence why there is none."""
        seat = self.seat(role)
        try:
            if seat.last is None:
                return await self._link(seat.act("people/hand-over"))
            told = await self.court.coordinator.get(f"/hearings/{self.id}/hearing")
            if any(one["place"] == seat.place and one["connected"] for one in told["places"]):
                return "Taken. Continue on another device from there."
            issuer = self.abroad if role == "authority" else self.staff
            return await self._link(issuer(f"people/places/{seat.place}/link"))
        except DoorRefused as refused:
            return refused.sentence

    async def _link(self, asked: Awaitable[dict[str, str]]) -> str:
        return (await asked)["link"] + MUTED

    async def leave(self) -> None:
        """The people go; the hearing stays as it stands."""
        await self.__aexit__()


Step = Callable[[Case], Awaitable[None]]

_SIT: tuple[Step, ...] = (Case.confirm_before, Case.schedule_now, Case.open_room, Case.admit_all)
_ON: tuple[Step, ...] = (*_SIT, Case.go_on_record)
_HEARD: tuple[Step, ...] = (Case.accept, Case.invite_senders, *_ON, Case.examine)
WAYS: dict[str, tuple[Step, ...]] = {
    "requested": (),
    "declined": (Case.decline,),
    "accepted": (Case.accept,),
    "cancelled": (Case.accept, Case.cancel),
    "scheduled": (
        Case.accept,
        Case.invite,
        Case.invite_expert,
        Case.schedule_later,
        Case.give_turns,
        Case.leave,
    ),
    "open": (Case.accept, Case.invite, Case.schedule_now, Case.open_room, Case.close_microphones),
    "on-record": (Case.accept, Case.invite, *_ON, Case.close_ours),
    "examining": (Case.accept, Case.invite_each, *_ON, Case.examine, Case.note),
    "suspended": (*_HEARD, Case.suspend, Case.leave),
    "adjourned": (*_HEARD, Case.go_off_record, Case.adjourn, Case.leave),
    "ended": (*_HEARD, Case.go_off_record, Case.end, Case.leave),
    "closed": (*_HEARD, Case.seal_a_moment, Case.go_off_record, Case.close_file, Case.leave),
}
"""How a hearing comes to stand at each state, through the public doors. The people of one that is open or on the
record stay; those who do not send live by their signed checks.
"""


def _speaker(mine: int, of: int) -> Callable[[], SyntheticPeer]:
    return lambda: SyntheticPeer(seed=mine, lines=LINES, pictures=PICTURES, turn=Turn(mine, of))


def _absent_minded() -> SyntheticPeer:
    return SyntheticPeer(seed=0, lines=LINES, sends=())


@contextlib.contextmanager
def _done_already() -> Iterator[None]:
    """The clock may have opened the room in this very moment."""
    try:
        yield
    except DoorRefused as refused:
        if refused.kind != "not-now":
            raise


def _soon(now: datetime) -> datetime:
    """The next full minute that is not too near."""
    return (now + EARLIEST + timedelta(minutes=1)).replace(second=0, microsecond=0)


def _workday(now: datetime, *, days: int) -> datetime:
    """A full hour on the first working day that is at least so many days away."""
    day = (now + timedelta(days=days)).replace(minute=0, second=0, microsecond=0)
    return day + timedelta(days=max(0, 7 - day.weekday()) if day.weekday() > 4 else 0)


# --- the demonstration -----------------------------------------------------------------------------

ACCOUNTS = {
    "coordinator": "coordinator of the Court of Exampleton",
    "judge": "its judge",
    "clerk": "its clerk",
    "coordinator-samplia": "coordinator of the Prosecution Office of Samplia, which was asked for the hearing",
    "administrator": "administrator",
}
CHAIRS = {
    "presiding": "Presiding judge",
    "heard": "Witness (Arabic)",
    "interpreter": "Interpreter",
    "authority": "Authority present",
}


class Demo:
    """`data`: a folder that is empty or does not exist, kept afterwards; `seconds`: stops by itself after so long."""

    def __init__(self, *, data: Path | None, seconds: float | None, tell: Tell) -> None:
        if data is not None and data.exists() and (not data.is_dir() or any(data.iterdir())):
            raise DemoFailed(
                f"{data} is not an empty folder, and nothing in it was changed. Name one that is empty or new."
            )
        self._data = data
        self._seconds = seconds
        self._tell = tell

    def run(self) -> None:
        """Until it is stopped, by Ctrl-C or its time. Raises: DemoFailed."""
        with contextlib.ExitStack() as stack:
            data = self._data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vivavoce-")))
            asyncio.run(self._until_stopped(data))

    async def _until_stopped(self, data: Path) -> None:
        work = asyncio.create_task(self._hold(data))

        def stop() -> None:
            if not work.cancelling():  # pressed twice, it is not more in a hurry
                work.cancel()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, stop)
        try:
            await work
        except asyncio.CancelledError:
            pass
        except DoorRefused as error:
            raise DemoFailed(f"A door was closed: {error}") from error
        except RehearsalFailed as error:
            raise DemoFailed(str(error)) from error
        except TimeoutError as error:
            raise DemoFailed(f"Something did not happen in time. {error}") from error
        self._tell("The demonstration has ended.")

    async def _hold(self, data: Path) -> None:
        self._tell("A docket is being set up, and a hearing is being opened. This takes half a minute.")
        port = free_port(settings.read().port)
        async with (
            House(data, port=port, password=_password()) as house,
            contextlib.AsyncExitStack() as stack,
        ):
            cases = [await stack.enter_async_context(Case(house, matter)) for matter in DOCKET]
            await together(case.bring() for case in cases)
            session = next(case for case in cases if case.matter.stands == "examining")
            self._tell(_welcome(house, session.matter.letter))
            await self._tell_links(session)
            await self._stay(house, session)

    async def _stay(self, house: House, session: Case) -> None:
        ended = asyncio.create_task(house.wait())
        with self._new_links_on_enter(session):
            await asyncio.wait({ended}, timeout=self._seconds)
        if ended.done():
            raise DemoFailed("The service has ended by itself; what it said is above.")
        ended.cancel()

    @contextlib.contextmanager
    def _new_links_on_enter(self, session: Case) -> Iterator[None]:
        if sys.stdin is None or not sys.stdin.isatty():
            self._tell("Ctrl-C ends the demonstration.")
            yield
            return
        self._tell("Press Enter for new links. Ctrl-C ends the demonstration.")
        loop, tasks = asyncio.get_running_loop(), set[asyncio.Task[None]]()

        def pressed() -> None:
            if not sys.stdin.readline():
                loop.remove_reader(sys.stdin)
                return
            task = asyncio.create_task(self._tell_links(session))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        loop.add_reader(sys.stdin, pressed)
        try:
            yield
        finally:
            loop.remove_reader(sys.stdin)

    async def _tell_links(self, session: Case) -> None:
        lines = [f"  {title:<18} {await session.chair(role)}" for role, title in CHAIRS.items()]
        self._tell("\n".join(["Take a chair in it. Each link opens once, within 30 minutes:", *lines, ""]))


def _welcome(house: House, letter: Letter) -> str:
    accounts = [f"  {login:<22} {who}" for login, who in ACCOUNTS.items()]
    return "\n".join(
        [
            "",
            f"Viva Voce is at {house.origin}",
            "A demonstration: everybody and every matter in it is invented.",
            "",
            f"Sign in at {house.origin}/sign-in with the password {house.password} as",
            *accounts,
            "",
            *_for_firefox(settings.read().media_listen),
            f"In session: {letter.matter} ({letter.reference})",
        ]
    )


def _for_firefox(listens: str) -> list[str]:
    """Firefox carries no sound and picture over the loopback address, which is what we listen on unless told."""
    if listens != LOOPBACK:
        return []
    return [
        "In Chromium and Chrome everything works. For Firefox, start it on this machine's own address:",
        f"  VIVAVOCE_MEDIA_LISTEN={_own_address()} make demo",
        "",
    ]


def _own_address() -> str:
    """The address from which this machine would speak to others; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address that is nobody's (RFC 5737)
        except OSError:
            return "ADDRESS"
        return str(probe.getsockname()[0])


async def together(works: Iterable[Coroutine[None, None, None]]) -> None:
    """All at once; the first that fails ends the others. Raises: what it raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(work)
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None


def free_port(first: int) -> int:
    """The first port from here on that nobody listens on. Raises: DemoFailed."""
    for port in range(first, min(first + PORTS, 65_536)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise DemoFailed(f"Every port from {first} on is taken. Choose another one with VIVAVOCE_PORT.")


def _password() -> str:
    return f"demo-{secrets.token_hex(5)}"
