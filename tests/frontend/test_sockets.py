"""What a conversation says by itself, and to a page that sends whatever it likes. No service, no database."""

import json
import random
from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from frontend import sockets
from frontend.live import BACKLOG, Live, Page
from frontend.sockets import Conversation
from hearings.actors import Actor
from hearings.conduct import Conductor
from hearings.errors import NotAllowed, NotReady
from hearings.room import Room
from hearings.sentences import say
from media.channels import Kind
from media.signalling import Answer, Closed, Ice, IceServer, Pong, Refused


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


# --- whatever a page sends


class Accounted:
    """Stands for the conductor, the room and the live pages at once, and notes what reaches them."""

    def __init__(self) -> None:
        self.watched: list[Sequence[str]] = []
        self.muted: list[Kind] = []

    async def offer(self, _hearing: UUID, _place: UUID, *, connection: str, sdp: str) -> str:
        if len(connection) % 2:
            raise NotReady(say("This room is not open."))
        return f"answer to {len(sdp)}"

    def watch(self, _hearing: UUID, _place: UUID, places: Sequence[str]) -> None:
        self.watched.append(places)

    def mute(self, _actor: Actor, kind: Kind, *, muted: bool) -> None:
        self.muted.append(kind)
        if not muted:
            raise NotAllowed(say("This room is not open."))

    async def check(self, _page: Page) -> None:
        pass


def conversation(place: UUID | None) -> tuple[Conversation, Page, Accounted]:
    actor, noted = Actor(UUID(int=1), ()), Accounted()
    page = Page(actor.hearing, lambda: actor, token="", place=place)
    made = Conversation(
        actor, page, cast(Live, noted), cast(Conductor, noted), cast(Room, noted), said=str, servers=None
    )
    return made, page, noted


GOOD: tuple[dict[str, Any], ...] = (
    {"type": "hello", "version": 1},
    {"type": "offer", "connection": "c", "sdp": "v=0"},
    {"type": "offer", "connection": "cc", "sdp": "v=0"},
    {"type": "mute", "kind": "audio", "muted": True},
    {"type": "mute", "kind": "document", "muted": False},
    {"type": "watch", "places": ["p"]},
    {"type": "ping", "n": 1},
)


def spoiled(seeded: random.Random) -> str:
    members = dict(seeded.choice(GOOD))
    odd = seeded.choice((None, -1, 10**30, "", "x" * 200, [], {"a": [1]}, ["p"] * 40, True, 1.5))
    if seeded.random() < 0.4:
        members[seeded.choice([*members, "more"])] = odd
    text = json.dumps(members)
    at = seeded.randrange(len(text))
    return (
        text[:at] + seeded.choice(("{", "\\ud800", "\x00", "")) + text[at:] if seeded.random() < 0.3 else text
    )


@pytest.mark.parametrize("place", [uuid4(), None], ids=["place", "staff"])
async def test_every_broken_message_is_refused_in_a_sentence_and_the_conversation_goes_on(
    place: UUID | None,
) -> None:
    seeded = random.Random(150)
    made, page, noted = conversation(place)
    await made.take('{"type":"hello","version":1}')
    for _ in range(2000):
        await made.take(spoiled(seeded))
        messages = told(page)
        if page.over:
            assert isinstance(messages[-2], Closed), "only another version of these messages ends it"
            made, page, noted = conversation(place)
            await made.take('{"type":"hello","version":1}')
            continue
        for message in messages:
            assert isinstance(message, Refused | Pong | Answer)
            assert not isinstance(message, Refused) or message.sentence.endswith(".")
    assert place is not None or not (noted.watched or noted.muted), (
        "staff have no sound and picture of their own"
    )
    await made.close()


async def test_who_floods_and_does_not_read_is_let_go() -> None:
    made, page, _ = conversation(uuid4())
    for _ in range(10 * BACKLOG):
        await made.take("[")
    assert page.over
    assert page.outgoing.qsize() <= BACKLOG
