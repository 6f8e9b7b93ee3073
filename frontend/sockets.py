"""The socket of a place: moves messages between its page and the service, decides nothing.

The first message is `hello`. Whoever has no login for the place is told so in a sentence, and the socket
ends; so does one that is silent for twenty seconds (a page pings every five).
"""

import asyncio
import contextlib
import logging
from typing import Any
from uuid import UUID

from litestar import WebSocket, websocket
from litestar.exceptions import WebSocketDisconnect
from pydantic import ValidationError

from frontend.access import PLACE
from frontend.live import Live, Page
from hearings.actors import Actor
from hearings.conduct import Conductor
from hearings.docket import Docket
from hearings.errors import NotSignedIn, Refusal
from hearings.room import Room
from media.channels import Kind
from media.signalling import (
    LARGEST,
    VERSION,
    Answer,
    Closed,
    FromPage,
    Hello,
    Mute,
    Offer,
    Ping,
    Pong,
    Refused,
    from_page,
)

log = logging.getLogger(__name__)

Socket = WebSocket[Any, Any, Any]
SILENCE_SECONDS = 20
NOT_SIGNED_IN = 4401
OVER = 4000


@websocket("/places/{place:uuid}/socket")
async def place_socket(
    socket: Socket, place: UUID, docket: Docket, live: Live, conductor: Conductor, room: Room
) -> None:
    await socket.accept()
    token = socket.cookies.get(PLACE) or ""
    try:
        actor = await asyncio.to_thread(docket.of_place, place, token)
    except NotSignedIn as error:
        log.warning("a socket without a login was refused for place %s", place)
        await _end(socket, NOT_SIGNED_IN, Closed(sentence=str(error)))
        return
    page = Page(place, token)
    conversation = Conversation(actor, page, conductor, room)
    sender = asyncio.create_task(_send(socket, page))
    try:
        await live.enter(actor, page)
        await _receive(socket, conversation)
    finally:
        live.leave(actor, page)
        page.finish()
        await conversation.close()
        with contextlib.suppress(Exception):  # the page is gone; there is nobody to tell
            await asyncio.wait_for(sender, timeout=5)


class Conversation:
    """Answers one page's messages, one after the other, except offers, which may take a while."""

    def __init__(self, actor: Actor, page: Page, conductor: Conductor, room: Room) -> None:
        self._actor = actor
        self._page = page
        self._conductor = conductor
        self._room = room
        self._greeted = False
        self._offer: asyncio.Task[None] | None = None

    @property
    def over(self) -> bool:
        return self._page.over

    async def take(self, text: str) -> None:
        try:
            message = from_page.validate_json(text)
        except ValidationError:
            self._page.tell(Refused(about="unknown", sentence="This message is not understood."))
            return
        try:
            await self._answer(message)
        except Refusal as error:
            self._page.tell(Refused(about=message.type, sentence=str(error)))

    async def _answer(self, message: FromPage) -> None:
        match message:
            case Hello(version=version):
                self._greeted = version == VERSION
                if not self._greeted:
                    self._page.finish(Closed(sentence="This page is out of date. Load it again."))
            case _ if not self._greeted:
                self._page.tell(Refused(about=message.type, sentence="The first message must be a hello."))
            case Offer():
                await self._replace_offer(message)
            case Mute(kind=kind, muted=muted):
                await asyncio.to_thread(self._room.mute, self._actor, Kind(kind), muted=muted)
            case Ping(n=n):
                self._page.tell(Pong(n=n))

    async def _replace_offer(self, offer: Offer) -> None:
        await self.close()
        self._offer = asyncio.create_task(self._negotiate(offer))

    async def _negotiate(self, offer: Offer) -> None:
        try:
            sdp = await self._conductor.offer(
                self._actor.hearing, self._page.place, connection=offer.connection, sdp=offer.sdp
            )
        except Refusal as error:
            self._page.tell(Refused(about=offer.type, sentence=str(error)))
        else:
            self._page.tell(Answer(connection=offer.connection, sdp=sdp))

    async def close(self) -> None:
        """Gives up an offer that is still under way."""
        if self._offer is not None:
            self._offer.cancel()
            await asyncio.gather(self._offer, return_exceptions=True)


async def _receive(socket: Socket, conversation: Conversation) -> None:
    """Until the page leaves, falls silent or sends too much."""
    with contextlib.suppress(WebSocketDisconnect, TimeoutError):
        while True:
            async with asyncio.timeout(SILENCE_SECONDS):
                text = await socket.receive_data(mode="text")
            if len(text) > LARGEST or conversation.over:
                return
            await conversation.take(text)


async def _send(socket: Socket, page: Page) -> None:
    while (message := await page.outgoing.get()) is not None:
        await socket.send_data(message.model_dump_json(), mode="text")
    await socket.close(code=OVER)


async def _end(socket: Socket, code: int, last: Closed) -> None:
    with contextlib.suppress(WebSocketDisconnect):
        await socket.send_data(last.model_dump_json(), mode="text")
        await socket.close(code=code)
