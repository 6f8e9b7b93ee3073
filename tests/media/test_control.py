"""The control link, and what comes over it that is no message: it breaks with one error, whatever it is."""

import asyncio
import random
import struct

import pytest

from media.channels import Kind
from media.control import (
    LARGEST,
    Acknowledged,
    Conduct,
    Dismiss,
    Link,
    LinkBroken,
    Offered,
    PeerPlan,
    RecordPlan,
    RoomPlan,
    Watched,
)

MESSAGES = (
    Conduct(
        room=RoomPlan(
            hearing="h1",
            version=1,
            folder="/nowhere",
            peers=[PeerPlan(place="p", handle="abcdefgh")],
            allowed=[("p", "q", kind) for kind in Kind],
            armed=True,
            record=RecordPlan(stretch=1, since=1, until=2, tracks=["abcdefgh-audio"], key="a2V5"),
        )
    ),
    Dismiss(hearing="h1"),
    Offered(hearing="h1", place="p", connection="c", sdp="v=0\r\n"),
    Watched(hearing="h1", place="p", places=["q"]),
    Acknowledged(n=5),
)


class NoWriter:
    """The other end is not of interest."""

    def close(self):
        pass


def framed(body):
    return struct.pack("!I", len(body)) + body


async def read(data):
    """What a worker reads of these bytes, after which the link ends. Raises: LinkBroken."""
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    return [message async for message in Link(reader, NoWriter()).at_worker()]


async def test_whole_messages_are_read_until_the_link_ends():
    assert await read(b"".join(framed(each.model_dump_json().encode()) for each in MESSAGES)) == list(
        MESSAGES
    )
    assert await read(b"") == []


async def test_what_is_no_message_breaks_the_link():
    seeded = random.Random(141)
    broken = 0
    for _ in range(3000):
        body = bytearray(seeded.choice(MESSAGES).model_dump_json().encode())
        for _ in range(seeded.randrange(1, 4)):
            body[seeded.randrange(len(body))] = seeded.randrange(256)
        data = framed(bytes(body))
        data = data[: seeded.randrange(1, len(data) + 1)] if seeded.random() < 0.3 else data
        try:
            (message,) = await read(data)
        except LinkBroken:
            broken += 1
        else:
            assert isinstance(message, tuple(map(type, MESSAGES)))
    assert broken > 2000


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("!I", LARGEST + 1) + b"{",
        struct.pack("!I", 2**32 - 1),
        framed(b""),
        framed(b"\xff\xfe"),
        framed(b"[" * 100_000),
        framed(b'{"type":"conduct"}'),
        framed(b'{"type":"acknowledged","n":' + b"9" * 10_000 + b"}"),
        b"\0",
    ],
)
async def test_giant_empty_and_cut_messages_break_the_link(data):
    with pytest.raises(LinkBroken):
        await read(data)
