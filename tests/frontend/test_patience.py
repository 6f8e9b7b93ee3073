"""Half a request ends by itself; a slow one that comes whole does not."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator

import pytest_asyncio
import uvicorn
from litestar import Litestar, Request, WebSocket, post, websocket
from websockets.asyncio.client import connect

from frontend.patience import Patience, Punctual


class Brief(Punctual):
    head_seconds = 0.4


@post("/read")
async def read(request: Request) -> dict[str, int]:
    return {"bytes": len(await request.body())}


@post("/unread")
async def unread() -> dict[str, bool]:
    return {"read": False}


@websocket("/socket")
async def echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(await socket.receive_text())
    await socket.close()


@pytest_asyncio.fixture
async def port() -> AsyncIterator[int]:
    def brief(app: Litestar) -> Patience:
        return Patience(app, seconds=0.8, large_seconds=3)

    app = Litestar([read, unread, echo], middleware=[brief], openapi_config=None, request_max_body_size=None)
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, http=Brief, log_level="error", timeout_keep_alive=30))
    task = asyncio.create_task(server.serve([listening]))
    yield listening.getsockname()[1]
    server.should_exit = True
    await task


class Caller:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def say(self, *parts: bytes, every: float = 0) -> None:
        for part in parts:
            self.writer.write(part)
            await asyncio.sleep(every)  # a slow sender

    async def answer(self) -> bytes:
        """Status line and headers."""
        return await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)

    async def told_until_the_end(self) -> bytes:
        return await asyncio.wait_for(self.reader.read(), 5)


@pytest_asyncio.fixture
async def caller(port: int) -> AsyncIterator[Caller]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    yield Caller(reader, writer)
    writer.close()


def head(path: str, length: int) -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n".encode()


async def test_who_says_nothing_is_let_go(caller: Caller) -> None:
    assert await caller.told_until_the_end() == b""


async def test_a_byte_now_and_then_does_not_help(caller: Caller) -> None:
    begun = time.monotonic()
    drip = asyncio.create_task(caller.say(*(bytes([byte]) for byte in head("/read", 2)), every=0.1))
    assert await caller.told_until_the_end() == b""
    assert time.monotonic() - begun < 2
    drip.cancel()


async def test_the_second_request_of_a_connection_has_no_more_time(caller: Caller) -> None:
    await caller.say(head("/read", 2), b"{}")
    assert b"201" in await caller.answer()
    await asyncio.wait_for(caller.reader.readexactly(len(b'{"bytes":2}')), 5)
    await caller.say(b"POST /read HTTP/1.1\r\nHost: ")
    assert await caller.told_until_the_end() == b""


async def test_a_body_that_does_not_come_is_told_so(caller: Caller) -> None:
    await caller.say(head("/read", 100), b"half")
    told = await caller.told_until_the_end()
    assert told.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in told.lower()


async def test_a_body_that_drips_is_not_waited_for(caller: Caller) -> None:
    drip = asyncio.create_task(caller.say(head("/read", 100), *[b"x"] * 100, every=0.1))
    assert (await caller.answer()).startswith(b"HTTP/1.1 408 ")
    drip.cancel()


async def test_a_slow_body_that_comes_in_time_is_taken(caller: Caller) -> None:
    await caller.say(head("/read", 5), *[b"x"] * 5, every=0.1)
    assert b"201" in await caller.answer()


async def test_a_large_body_has_more_time(caller: Caller) -> None:
    size = 2 * 1024 * 1024
    await caller.say(head("/read", size), b"x" * (size - 1), every=1.2)
    await caller.say(b"x")
    assert b"201" in await caller.answer()


async def test_a_body_that_nobody_reads_holds_no_connection(caller: Caller) -> None:
    drip = asyncio.create_task(caller.say(head("/unread", 100), *[b"x"] * 100, every=0.1))
    assert b"201" in await caller.answer()
    assert (await caller.told_until_the_end()).startswith(b'{"read"')
    drip.cancel()


async def test_a_socket_may_be_silent_for_longer(port: int) -> None:
    async with connect(f"ws://127.0.0.1:{port}/socket") as socket:
        await asyncio.sleep(3 * Brief.head_seconds)  # longer than any head may take
        await socket.send("still here")
        assert await socket.recv() == "still here"
