"""How long the service waits for half a request.

uvicorn itself waits without end, so that whoever sends a byte now and then could hold a connection for ever.
`Punctual` ends a connection whose request line and headers do not come, `Patience` a request whose body does
not. What is sent back is not limited: a record may take its time to a slow reader. Nor is the number of
connections from one address: behind a proxy that is the proxy's to do.
"""

import asyncio

import h11
from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp, HTTPReceiveMessage, Message, Receive, Scope, Send, WebSocketReceiveMessage
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 15.0
BODY_SECONDS = 60.0
LARGE_BODY_SECONDS = 600.0
LARGE_BODY = 1024 * 1024
MOST_CONNECTIONS = 800  # sixty full rooms; a process may usually hold 1024 files, and the database needs some


class Punctual(H11Protocol):
    """uvicorn's own protocol, which gives the head of a request `head_seconds` to arrive, and as long to the rest
    of a body that nobody reads any more because the answer is given.
    """

    head_seconds = HEAD_SECONDS
    _last_moment: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._look()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _look(self) -> None:
        if not self._is_owed():
            self._stop()
        elif self._last_moment is None and not self.transport.is_closing():
            self._last_moment = self.loop.call_later(self.head_seconds, self.transport.close)

    def _is_owed(self) -> bool:
        """Whether the other side has to send something that no handler waits for."""
        theirs = self.conn.their_state
        return theirs is h11.IDLE or (theirs is h11.SEND_BODY and self.conn.our_state is h11.DONE)

    def _stop(self) -> None:
        if self._last_moment is not None:
            self._last_moment.cancel()
            self._last_moment = None


class Patience:
    """ASGI middleware: a body arrives within a minute; one that is announced as large, within ten. For a door that takes
    bodies of any size from people who are known (`opt={"patient": True}`) it is a minute for each part.
    """

    def __init__(
        self, app: ASGIApp, *, seconds: float = BODY_SECONDS, large_seconds: float = LARGE_BODY_SECONDS
    ) -> None:
        self._app = app
        self._seconds = seconds
        self._large_seconds = large_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        seconds = self._large_seconds if _is_large(scope) else self._seconds
        body = _Body(
            receive, send, self._seconds if _is_endless(scope) else seconds, renewed=_is_endless(scope)
        )
        await self._app(scope, body.receive, body.send)


class _Body:
    """One request's body, with the moment until which it may take."""

    def __init__(self, receive: Receive, send: Send, seconds: float, *, renewed: bool = False) -> None:
        self._receive = receive
        self._send = send
        self._seconds = seconds
        self._renewed = renewed
        self._until = asyncio.get_running_loop().time() + seconds
        self._whole = False
        self._late = False

    async def receive(self) -> HTTPReceiveMessage | WebSocketReceiveMessage:
        """Raises: HTTPException 408. After the body there is no hurry: what comes then is the end."""
        if self._whole:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError as error:
            self._late = True
            raise HTTPException(status_code=408) from error
        if self._renewed:
            self._until = asyncio.get_running_loop().time() + self._seconds
        self._whole = message["type"] != "http.request" or not message["more_body"]
        return message

    async def send(self, message: Message) -> None:
        if self._late and message["type"] == "http.response.start":
            MutableScopeHeaders.from_message(message)["connection"] = "close"
        await self._send(message)


def _is_large(scope: Scope) -> bool:
    length = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    return length.isdigit() and int(length) > LARGE_BODY


def _is_endless(scope: Scope) -> bool:
    handler = scope.get("route_handler")
    return bool(handler is not None and handler.opt.get("patient"))
