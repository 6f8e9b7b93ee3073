"""Programs that come through the same doors as people: a browser's cookies, and a place's socket and media.

`rehearse`, the demonstration and the tests use them. They know the public addresses and messages only.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from email.message import Message
from pathlib import PurePath
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from media.channels import Kind
from media.signalling import (
    VERSION,
    Answer,
    Closed,
    Coming,
    Figures,
    FromPage,
    Hello,
    Levels,
    Lines,
    Offer,
    Pictures,
    Ping,
    Refused,
    State,
    Superseded,
    to_page,
)
from media.synthetic import SyntheticPeer

PATIENCE = 20.0  # seconds
HEARTBEAT = 5.0
SMALL = "/static/mark.svg"
"""Something that everybody may have, and that costs little."""
IDLE = 3.0
"""Seconds. The service closes a connection after five, and what is on its way at that moment would be lost."""


class DoorRefused(Exception):
    """A door said no: status, kind, sentence and hints as the service told them."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.kind = str(problem.get("kind"))
        self.sentence = str(problem.get("sentence"))
        self.hints = [str(hint) for hint in problem.get("hints", [])]
        self.field = problem.get("field")
        super().__init__(" ".join([f"{status} {self.kind}:", self.sentence, *self.hints]))


class Visitor:
    """One browser: its own cookies; what it changes carries the origin and the CSRF token."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.http = httpx.AsyncClient(
            base_url=origin,
            headers={"origin": origin},
            timeout=PATIENCE,
            limits=httpx.Limits(keepalive_expiry=IDLE),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self.http.aclose()

    async def get(self, path: str) -> Any:
        """The JSON behind the door. Raises: DoorRefused."""
        return _told(await self.http.get(path))

    async def file(self, path: str) -> tuple[str, bytes]:
        """A download: the name that the service gives it, and its content. Raises: DoorRefused."""
        answer = await self.http.get(path)
        if answer.is_error:
            _told(answer)
        told = Message()
        told["content-disposition"] = answer.headers.get("content-disposition", "attachment")
        return PurePath(told.get_filename() or "").name, answer.content

    async def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """What the door answers. Raises: DoorRefused."""
        if "csrf" not in self.http.cookies:
            await self.http.get(SMALL)
        token = self.http.cookies["csrf"]
        return _told(await self.http.post(path, json=body, headers={"x-csrftoken": token}))

    async def sign_in(self, invitation: str, *, login: str, name: str, password: str) -> None:
        """Makes the account of a one-time invitation, and signs in."""
        path = urlsplit(invitation).path
        await self.post(path, {"login": login, "name": name, "password": password})
        await self.post("/sign-in", {"login": login, "password": password})


class Seat(Visitor):
    """A participant's page: opened by a personal link, with its socket and, on demand, sound and picture.

    `equipment` makes what it sends and receives with; a peer of `seed` if left out.
    """

    def __init__(
        self,
        origin: str,
        name: str,
        *,
        seed: int = 0,
        lines: int = 12,
        equipment: Callable[[], SyntheticPeer] | None = None,
    ) -> None:
        super().__init__(origin)
        self.name = name
        self.place = ""
        self.view: dict[str, Any] = {}
        self.lines: dict[int, str] = {}
        self.levels: dict[str, int] = {}
        self.figures: dict[str, list[Coming]] = {}
        self.refusals: list[Refused] = []
        self.last: Superseded | Closed | None = None
        self.peer: SyntheticPeer | None = None
        self._equipment = equipment or (lambda: SyntheticPeer(seed=seed, lines=lines))
        self._socket: ClientConnection | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._answers: dict[str, asyncio.Future[str]] = {}
        self._news = asyncio.Condition()
        self._connections = 0

    async def open(self, link: str) -> None:
        """Looks at the link, presses its button, opens the socket."""
        path = urlsplit(link).path
        await self.get(path)
        self.place = (await self.post(path))["place"]
        await self.listen()

    async def act(self, what: str, body: dict[str, Any] | None = None) -> Any:
        """A verb at this place's own door. Raises: DoorRefused."""
        return await self.post(f"/places/{self.place}/{what}", body)

    async def look(self) -> dict[str, Any]:
        """The hearing as the door tells it now."""
        return dict(await self.get(f"/places/{self.place}/hearing"))

    async def listen(self) -> None:
        """Opens the socket of the place; a second one takes over from the first."""
        address = f"ws{self.origin.removeprefix('http')}/places/{self.place}/socket"
        cookies = "; ".join(f"{one.name}={one.value}" for one in self.http.cookies.jar if one.name == "place")
        self._socket = await connect(
            address, origin=Origin(self.origin), additional_headers={"cookie": cookies}, max_size=None
        )
        self._tasks = [
            asyncio.create_task(self._read(self._socket)),
            asyncio.create_task(self._beat(self._socket)),
        ]
        await self.tell(Hello(version=VERSION))
        await self.until(bool)

    async def tell(self, message: FromPage) -> None:
        if self._socket is None:
            raise RuntimeError("the page is not open")
        await self._socket.send(message.model_dump_json())

    async def send_raw(self, text: str) -> None:
        if self._socket is None:
            raise RuntimeError("the page is not open")
        await self._socket.send(text)

    async def until(
        self, wanted: Callable[[dict[str, Any]], bool], *, seconds: float = PATIENCE
    ) -> dict[str, Any]:
        """Waits for a state of the hearing. Raises: TimeoutError naming the last one seen."""
        try:
            async with asyncio.timeout(seconds), self._news:
                await self._news.wait_for(lambda: wanted(self.view))
        except TimeoutError as error:
            raise TimeoutError(f"{self.name} waited {seconds} s in vain; last seen: {self.view}") from error
        return self.view

    async def when(self, true: Callable[[], bool], *, seconds: float = PATIENCE) -> None:
        """Waits until something holds of what this page was told. Raises: TimeoutError."""
        async with asyncio.timeout(seconds), self._news:
            await self._news.wait_for(true)

    async def connect_media(self) -> None:
        """Sends sound and picture, and receives; a new connection takes the place of an older one."""
        older = self.peer
        self._connections += 1
        connection = f"c{self._connections}"
        self.peer = self._equipment()
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._answers[connection] = answer
        await self.tell(Offer(connection=connection, sdp=self.peer.offer()))
        async with asyncio.timeout(PATIENCE):
            await self.peer.connect(await answer)
        if older is not None:
            await older.close()
        await self.until(lambda view: bool(view["you"]["connected"]))

    def received(self, line: int, kind: Kind) -> int:
        """Packets of sound, or of picture, that came on a line of the present connection."""
        if self.peer is None:
            return 0
        mids = [mid for mid, one in self.peer.lines.items() if one.number == line and one.kind is kind]
        return sum(self.peer.received[mid].packets for mid in mids if mid in self.peer.received)

    async def hang_up(self) -> None:
        """Closes the socket and nothing else."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._socket is not None:
            await self._socket.close()

    async def close(self) -> None:
        if self.peer is not None:
            await self.peer.close()
        await self.hang_up()
        await super().close()

    async def _read(self, socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for text in socket:
                await self._take(to_page.validate_json(text))

    async def _take(self, message: Any) -> None:
        async with self._news:
            match message:
                case State(view=view):
                    self.view = view
                case Answer(connection=connection, sdp=sdp):
                    self._answers[connection].set_result(sdp)
                case Lines(lines=lines):
                    self.lines = {line.line: line.place for line in lines}
                case Pictures(taken=taken):
                    if self.peer is not None and taken is not None:
                        self.peer.send_layers(taken)
                case Levels(audio=audio):
                    self.levels = audio
                case Figures(places=places):
                    self.figures = places
                case Refused():
                    self.refusals.append(message)
                    answer = self._answers.get(message.connection)
                    if answer is not None and not answer.done():
                        answer.set_exception(
                            DoorRefused(409, {"kind": "offer", "sentence": message.sentence})
                        )
                case Superseded() | Closed():
                    self.last = message
            self._news.notify_all()

    async def _beat(self, socket: ClientConnection) -> None:
        n = 0
        with contextlib.suppress(ConnectionClosed):
            while True:
                await asyncio.sleep(HEARTBEAT)
                n += 1
                await socket.send(Ping(n=n).model_dump_json())


def _told(answer: httpx.Response) -> Any:
    if not answer.is_error:
        return answer.json()
    try:
        problem = answer.json().get("problem", {})
    except ValueError:
        problem = {}
    raise DoorRefused(answer.status_code, problem)


async def eventually(true: Callable[[], Awaitable[bool]], *, seconds: float = PATIENCE) -> None:
    """Asks again and again until it holds. Raises: TimeoutError."""
    async with asyncio.timeout(seconds):
        while not await true():  # noqa: ASYNC110  # an answer from outside: there is no event to wait on
            await asyncio.sleep(0.05)
