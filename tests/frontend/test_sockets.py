"""What a conversation says by itself: ICE servers are told anew before their credentials end."""

from typing import Any, cast
from uuid import UUID

import pytest

from frontend import sockets
from frontend.live import Live, Page
from frontend.sockets import Conversation
from hearings.actors import Actor
from hearings.conduct import Conductor
from hearings.room import Room
from media.signalling import Ice, IceServer, Pong


class QuietLive:
    """Lets every login stand."""

    async def check(self, page: Page) -> None:
        """It does."""


def told(page: Page) -> list[Any]:
    return [page.outgoing.get_nowait() for _ in range(page.outgoing.qsize())]


async def test_servers_are_told_at_once_and_anew_with_a_heartbeat_when_they_grow_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    actor = Actor(UUID(int=1), ())
    page = Page(UUID(int=1), lambda: actor, token="", place=UUID(int=2))
    names = iter("abc")
    conversation = Conversation(
        actor,
        page,
        cast(Live, QuietLive()),
        cast(Conductor, None),
        cast(Room, None),
        said=str,
        servers=lambda: [IceServer(urls=["turn:192.0.2.9"], username=next(names))],
    )

    def server(name: str) -> Ice:
        return Ice(servers=[IceServer(urls=["turn:192.0.2.9"], username=name)])

    conversation.tell_servers()
    await conversation.take('{"type":"hello","version":1}')
    await conversation.take('{"type":"ping","n":1}')
    assert told(page) == [server("a"), Pong(n=1)]
    monkeypatch.setattr(sockets, "RENEWED_SECONDS", 0)
    conversation._servers_until = 0.0
    await conversation.take('{"type":"ping","n":2}')
    await conversation.take('{"type":"ping","n":3}')
    assert told(page) == [Pong(n=2), server("b"), Pong(n=3), server("c")]
