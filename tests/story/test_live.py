"""What pages are told while a hearing goes on: messages, levels of speech, a coordinator's many windows."""

import asyncio
import contextlib
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.typing import Origin
from websockets.uri import parse_uri

from frontend.rehearse import INTERPRETER, JUDGE, WITNESS, Court, Hearing
from frontend.visitor import PATIENCE, DoorRefused, Seat, Visitor
from frontend.words import Words
from media.signalling import Offer
from media.synthetic import NotConnected, SyntheticPeer
from tests.frontend.test_doors import another_court
from tests.story.telling import entries, ready, scheduled

pytestmark = pytest.mark.asyncio(loop_scope="session")

HELLO = '{"type":"hello","version":1}'


async def two_in_the_room(hearing: Hearing) -> tuple[Seat, Seat]:
    """Judge and witness on the floor of the open room, with sound and picture."""
    await scheduled(hearing)
    judge, witness = await hearing.add([JUDGE], seed=0), await hearing.add([WITNESS], seed=1)
    await hearing.open_room()
    await hearing.admit_all()
    return judge, witness


async def test_a_place_is_told_first_of_ice_servers_and_a_member_of_staff_never(hearing: Hearing) -> None:
    await scheduled(hearing)
    seat = await hearing.add([JUDGE], seed=0)
    async with (
        window_at(seat, f"places/{seat.place}", cookie="place") as place,
        window(hearing.court.coordinator, hearing.id) as staff,
    ):
        assert (await place.next("state"))["view"]["you"]["place"] == seat.place
        assert place.told[0] == {"type": "ice", "servers": []}
        await staff.socket.send(HELLO)
        await staff.socket.send('{"type":"ping","n":1}')
        await staff.next("pong")
        assert "ice" not in {message["type"] for message in staff.told}


class Impostor(SyntheticPeer):
    """Announces another certificate than its own: its connection never comes up."""

    def offer(self) -> str:
        return re.sub(r"(a=fingerprint:sha-256 )\S+", r"\g<1>" + ":".join(["00"] * 32), super().offer())


async def test_a_connection_that_does_not_come_up_is_told_to_its_page_alone(hearing: Hearing) -> None:
    judge, witness = await two_in_the_room(hearing)
    impostor = Impostor(seed=5)
    answer = witness._answers["impostor"] = asyncio.get_running_loop().create_future()
    await witness.tell(Offer(connection="impostor", sdp=impostor.offer()))
    async with asyncio.timeout(PATIENCE):
        with contextlib.suppress(NotConnected):
            await impostor.connect(await answer)
    await witness.when(lambda: bool(witness.refusals))
    await impostor.close()
    (refused,) = witness.refusals
    assert (refused.about, refused.connection) == ("offer", "impostor")
    assert refused.sentence.startswith("Sound and picture do not get through on this network.")
    assert not judge.refusals
    assert witness.view["you"]["connected"], "the connection that stands is not touched"


class Window:
    """One window of a page that is not a place's: the raw messages of its socket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.told: list[dict[str, Any]] = []

    async def next(self, kind: str) -> dict[str, Any]:
        """The next message of this type."""
        async with asyncio.timeout(PATIENCE):
            while True:
                message = json.loads(await self.socket.recv())
                self.told.append(message)
                if message["type"] == kind:
                    return message

    async def until(self, state: str) -> None:
        while (await self.next("state"))["view"]["state"] != state:
            pass

    async def end(self) -> int:
        """Reads on to the end: the code with which the service closed it."""
        async with asyncio.timeout(PATIENCE):
            try:
                while True:
                    self.told.append(json.loads(await self.socket.recv()))
            except ConnectionClosed as closed:
                assert closed.rcvd is not None
                return closed.rcvd.code


@asynccontextmanager
async def window(visitor: Visitor, hearing: str) -> AsyncIterator[Window]:
    async with window_at(visitor, f"hearings/{hearing}", cookie="staff") as opened:
        yield opened


@asynccontextmanager
async def window_at(
    visitor: Visitor, path: str, *, cookie: str, port: int | None = None
) -> AsyncIterator[Window]:
    """`port`: of another process of the service than the visitor's."""
    cookies = "; ".join(f"{one.name}={one.value}" for one in visitor.http.cookies.jar if one.name == cookie)
    origin = f"http://localhost:{port}" if port else visitor.origin
    async with connect(
        f"ws{origin.removeprefix('http')}/{path}/socket",
        origin=Origin(visitor.origin),
        additional_headers={"cookie": cookies},
        max_size=None,
    ) as socket:
        yield Window(socket)


# --- messages


async def test_a_witness_in_the_waiting_room_writes_and_is_answered(hearing: Hearing) -> None:
    await scheduled(hearing)
    judge, witness = await hearing.add([JUDGE], seed=0), await hearing.add([WITNESS], seed=1)
    interpreter = await hearing.add([INTERPRETER], seed=2)
    await hearing.staff("room/open")

    await witness.act("messages", {"call": "help"})
    await judge.until(lambda view: [one["text"] for one in view["messages"]] == ["I need help."])
    await judge.act("messages", {"text": "Somebody calls you.", "to": witness.place})
    await witness.until(lambda view: len(view["messages"]) == 2)
    answer = witness.view["messages"][1]
    assert (answer["name"], answer["text"]) == ("The court", "Somebody calls you.")
    assert "places" not in witness.view
    await hearing.staff("messages", {"text": "The room is open.", "to": interpreter.place})
    await interpreter.until(lambda view: [one["text"] for one in view["messages"]] == ["The room is open."])
    assert [one["name"] for one in judge.view["messages"][:2]] == ["Witness A", "Judge A"]
    written = await entries(hearing, "message.sent")
    assert [one["sentence"] for one in written] == [
        "Witness A wrote to the court: “I need help.”",
        "Judge A wrote to Witness A: “Somebody calls you.”",
        "Coordinator A wrote to Interpreter C: “The room is open.”",
    ]


async def test_the_door_of_messages_refuses_in_sentences(hearing: Hearing) -> None:
    await scheduled(hearing)
    judge, witness = await hearing.add([JUDGE], seed=0), await hearing.add([WITNESS], seed=1)
    for body, status in (
        ({"text": "psst", "to": judge.place}, 403),
        ({"call": "slower"}, 403),
        ({"call": "dance"}, 422),
        ({"text": "x", "call": "help"}, 422),
        ({"text": "x" * 1001}, 422),
        ({}, 422),
    ):
        with pytest.raises(DoorRefused) as refused:
            await witness.act("messages", body)
        assert refused.value.status == status, body
        assert refused.value.sentence.endswith("."), body
    for _ in range(20):
        await witness.act("messages", {"text": "Hello?"})
    with pytest.raises(DoorRefused) as flood:
        await witness.act("messages", {"text": "Hello?"})
    assert (flood.value.status, flood.value.kind) == (429, "too-many")
    assert len((await witness.look())["messages"]) == 20


# --- levels of speech


async def test_the_judge_sees_who_speaks(hearing: Hearing) -> None:
    judge, witness = await two_in_the_room(hearing)
    assert judge.peer is not None
    assert witness.peer is not None
    await judge.when(lambda: judge.levels.get(witness.place, 127) < 40)
    await judge.when(lambda: judge.levels.get(judge.place, 127) < 40)
    witness.peer.silence()
    await judge.when(lambda: judge.levels.get(witness.place, 127) == 127)
    witness.peer.speak()
    await judge.when(lambda: judge.levels.get(witness.place, 127) < 40)


async def test_nothing_is_told_of_whom_one_may_not_hear(hearing: Hearing) -> None:
    judge, witness = await two_in_the_room(hearing)
    interpreter = await hearing.add([INTERPRETER], seed=2)
    await interpreter.connect_media()
    await interpreter.when(lambda: set(interpreter.levels) == {interpreter.place})  # in the waiting room
    await judge.when(lambda: set(judge.levels) == {judge.place, witness.place})

    await witness.act("room/mute", {"kind": "audio", "muted": True})  # its browser sends on all the same
    await judge.when(lambda: set(judge.levels) == {judge.place})
    await witness.when(lambda: set(witness.levels) == {judge.place, witness.place})
    assert set(interpreter.levels) <= {interpreter.place}


# --- the figures of the connections


async def test_who_oversees_is_told_how_everybody_is_connected_and_nobody_else_is(hearing: Hearing) -> None:
    judge, witness = await two_in_the_room(hearing)

    def measured() -> dict[str, set[str]]:
        return {place: {row.kind for row in rows} for place, rows in judge.figures.items()}

    everything = {"audio", "camera", "heard"}
    await judge.when(lambda: measured() == {judge.place: everything, witness.place: everything})
    (sound,) = [row for row in judge.figures[witness.place] if row.kind == "audio"]
    assert sound.loss < 50
    async with window(hearing.court.coordinator, hearing.id) as desk:
        await desk.socket.send(HELLO)
        told = await desk.next("figures")
    assert set(told["places"]) == {judge.place, witness.place}
    assert witness.figures == {}, "two seconds later than the judge has them"


# --- a socket for staff


async def test_a_coordinator_has_many_live_windows(hearing: Hearing) -> None:
    await scheduled(hearing)
    coordinator = hearing.court.coordinator
    async with window(coordinator, hearing.id) as one, window(coordinator, hearing.id) as other:
        for each in (one, other):
            await each.socket.send(HELLO)
            first = (await each.next("state"))["view"]
            assert first["state"] == "scheduled"
            assert first == await coordinator.get(f"/hearings/{hearing.id}/hearing")
            assert first["you"]["people"][0]["role"] == "coordinator-requesting"
            assert not any(place["in_room"] for place in first["places"])
        await hearing.staff("room/open")
        for each in (one, other):
            await each.until("open")
        await one.socket.send('{"type":"ping","n":7}')
        assert (await one.next("pong"))["n"] == 7
        for message in ({"type": "offer", "connection": "c1", "sdp": "v=0"}, MUTE):
            await one.socket.send(json.dumps(message))
            refused = await one.next("refused")
            assert refused["about"] == message["type"]
            assert "no sound and no picture" in refused["sentence"]
        assert not [told for told in other.told if told["type"] in {"superseded", "closed"}]


MUTE = {"type": "mute", "kind": "audio", "muted": True}


async def test_a_window_ends_when_its_login_ends(hearing: Hearing) -> None:
    await scheduled(hearing)
    clerk = hearing.court.visitor()
    await clerk.post("/sign-in", {"login": "clerk", "password": "rehearsal only"})
    async with window(clerk, hearing.id) as beats, window(clerk, hearing.id) as listens:
        for each in (beats, listens):
            await each.socket.send(HELLO)
            await each.next("state")
        await clerk.post("/sign-out")
        await beats.socket.send('{"type":"ping","n":1}')
        assert await beats.end() == 4401, "with the next heartbeat"
        await hearing.staff("room/open")
        assert await listens.end() == 4401, "with the next news, which are not told"
        for each in (beats, listens):
            assert each.told[-1]["type"] == "closed"
            assert "signed out" in each.told[-1]["sentence"]
        assert all(told.get("view", {}).get("state") != "open" for told in listens.told)


async def test_a_window_needs_a_login_of_this_hearing_and_a_page_of_this_service(hearing: Hearing) -> None:
    await hearing.request()
    strangers = await another_court(hearing.court)
    for visitor, code in ((hearing.court.visitor(), 4401), (strangers, 4404)):
        async with window(visitor, hearing.id) as shut:
            assert await shut.end() == code
            assert [told["type"] for told in shut.told] == ["closed"]
    async with window(strangers, str(uuid4())) as nothing:
        assert await nothing.end() == 4404
        assert nothing.told == shut.told, "whether there is such a hearing is not told"
    address = f"ws{hearing.court.origin.removeprefix('http')}/hearings/{hearing.id}/socket"
    for origin in (None, "https://elsewhere.example"):
        with pytest.raises(InvalidStatus):
            await connect(address, origin=Origin(origin) if origin else None)


async def test_a_restart_does_not_end_a_window_for_good(tmp_path: Path) -> None:
    async with Court(tmp_path / "data") as court, Hearing(court) as hearing:
        await hearing.request()
        async with window(court.coordinator, hearing.id) as open_:
            await open_.socket.send(HELLO)
            await open_.next("state")
            await asyncio.gather(court.stop(), restarted(open_))


async def restarted(one: Window) -> None:
    assert await one.end() == 1012
    assert not [told for told in one.told if told["type"] == "closed"], "after that no page comes back"


async def test_the_sentences_of_a_socket_are_in_the_language_of_the_page(court: Court) -> None:
    address = f"ws{court.origin.removeprefix('http')}/places/{uuid4()}/socket"
    told = {}
    for language in ("en", "ar"):
        headers = {"cookie": f"language={language}"}
        async with connect(address, origin=Origin(court.origin), additional_headers=headers) as socket:
            told[language] = json.loads(await socket.recv())["sentence"]
    assert told["en"].startswith("Open your personal link first.")
    assert told["ar"] == Words().reader("ar").tell(told["en"])


# --- the newest window of a place wins


class DeafWindow:
    """A window whose network, after the first state, still sends but brings nothing: it cannot know that it was
    superseded.
    """

    def __init__(self, seat: Seat) -> None:
        address = f"ws{seat.origin.removeprefix('http')}/places/{seat.place}/socket"
        self._protocol = ClientProtocol(parse_uri(address), origin=Origin(seat.origin), max_size=None)
        self._cookies = "; ".join(
            f"{one.name}={one.value}" for one in seat.http.cookies.jar if one.name == "place"
        )

    async def open(self) -> None:
        uri = self._protocol.uri
        self._reader, self._writer = await asyncio.open_connection(uri.host, uri.port)
        request = self._protocol.connect()
        request.headers["cookie"] = self._cookies
        self._protocol.send_request(request)
        self._flush()
        while self._protocol.state is not State.OPEN:
            self._protocol.receive_data(await self._reader.read(65536))
        self.send(HELLO)
        self.told = self._texts()
        while all(one["type"] != "state" for one in self.told):
            self._protocol.receive_data(await self._reader.read(65536))
            self.told += self._texts()

    def send(self, text: str) -> None:
        self._protocol.send_text(text.encode())
        self._flush()

    async def hear_all(self) -> None:
        """Whatever else came, to the end of the socket."""
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(PATIENCE):
                while data := await self._reader.read(65536):
                    self._protocol.receive_data(data)
                    self._flush()
        self._writer.close()
        self.told += self._texts()

    def _texts(self) -> list[dict[str, Any]]:
        frames = [one for one in self._protocol.events_received() if isinstance(one, Frame)]
        return [json.loads(one.data) for one in frames if one.opcode is Opcode.TEXT]

    def _flush(self) -> None:
        self._writer.writelines(self._protocol.data_to_send())


async def test_a_window_that_was_superseded_cannot_come_back_on_its_old_socket(hearing: Hearing) -> None:
    _, witness = await two_in_the_room(hearing)
    await witness.hang_up()
    old = DeafWindow(witness)
    await old.open()
    await witness.listen()  # the newest window of the place
    await witness.connect_media()
    peer = SyntheticPeer(seed=9, lines=1)
    old.send(json.dumps({"type": "offer", "connection": "old", "sdp": peer.offer()}))
    old.send(json.dumps(MUTE))

    await old.hear_all()
    assert [one["type"] for one in old.told if one["type"] not in {"levels", "lines"}] == [
        "ice",
        "state",
        "superseded",
    ]
    assert witness.last is None
    assert (await witness.look())["you"]["muted"] == []
    await peer.close()
    await witness.connect_media()


async def test_the_judge_sees_in_time_that_a_microphone_is_dead_and_the_witness_does_too(
    hearing: Hearing,
) -> None:
    await ready(hearing)
    await hearing.go_on_record()
    witness = hearing.seat("heard")
    assert witness.peer is not None
    assert hearing.bench.view["alarms"] == []
    witness.peer.unplug_microphone()
    begun = time.monotonic()
    await hearing.bench.until(lambda view: bool(view["alarms"]))
    assert 9 < time.monotonic() - begun < 20, "ten seconds of silence, and ten at most to be told"
    (alarm,) = hearing.bench.view["alarms"]
    assert "Witness A" in alarm["sentence"]
    await witness.until(lambda view: view["you"]["silent"])
    witness.peer.plug_microphone()
    await hearing.bench.until(lambda view: not view["alarms"])
    await witness.until(lambda view: not view["you"]["silent"])
    people = [hearing.handles[name] for name in ("Witness A", "Magistrate B", "Interpreter C")]
    assert sorted(one["participant"] for one in await entries(hearing, "participant.silent")) == sorted(
        people
    )
