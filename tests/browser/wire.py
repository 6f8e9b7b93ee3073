"""The way between browsers and a service, which can be cut and mended: TCP for pages and sockets, UDP for media.

While it is cut nothing passes and nobody is told, as when a cable is pulled or a lid closed. After `change` it
is another network: the connections of before are gone, and media comes from another address. It may be a network
that lets no UDP through (`swallows`), or a far one (`delay`).
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Self

from frontend.rehearse import free_port

SERVICE = "127.0.0.1"
OURS = "127.0.0.2"  # where the media of the browsers goes instead
PIECE = 65_536

Address = tuple[str, int]

LED = """
const set = RTCPeerConnection.prototype.setRemoteDescription;
RTCPeerConnection.prototype.setRemoteDescription = function (told) {
  return set.call(this, { type: told.type, sdp: told.sdp.replaceAll("127.0.0.1 %d ", "%s %d ") });
};
"""


def led(media: int, to: Address) -> str:
    """A script for a page, which then sends its media there instead of to this port of the service."""
    return LED % (media, *to)


class Wire:
    """`origin`: where browsers find the service; `web`, `media`: the ports of the service itself.

    `swallows`: media does not pass. `delay`: seconds that media is under way, each way; it comes in order.
    `loses`: each so-manieth datagram of media is lost, 0 for none.
    """

    def __init__(self) -> None:
        self.swallows = False
        self.delay = 0.0
        self.loses = 0
        self._count = 0
        self.web, self.media = free_port(), free_udp_port()
        self._port = free_port()
        self.origin = f"http://localhost:{self._port}"
        self._whole = asyncio.Event()
        self._whole.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._flows: dict[Address, _Flow] = {}
        self._server: asyncio.Server | None = None
        self._udp: asyncio.DatagramTransport | None = None

    @property
    def settings(self) -> dict[str, str]:
        """With which the service is started."""
        return {"VIVAVOCE_MEDIA_PORT": str(self.media), "VIVAVOCE_MEDIA_ANNOUNCE": OURS}

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await asyncio.start_server(self._connect, SERVICE, self._port)
        self._udp, _ = await loop.create_datagram_endpoint(
            lambda: _Ears(self._up), local_addr=(OURS, self.media)
        )
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._drop_all()
        if self._udp is not None:
            self._udp.close()
            self._udp = None
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def cut(self) -> None:
        self._whole.clear()

    def mend(self) -> None:
        """What was on its way over TCP arrives late; media that was on its way is lost."""
        self._whole.set()

    def change(self) -> None:
        """Another network, which is whole."""
        self._drop_all()
        self._whole.set()

    def _drop_all(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        for flow in self._flows.values():
            flow.close()
        self._flows.clear()

    async def _connect(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        try:
            far, forth = await asyncio.open_connection(SERVICE, self.web)
        except OSError:
            back.transport.abort()
            return
        self._writers |= {back, forth}
        try:
            await asyncio.gather(self._pass(near, forth), self._pass(far, back))
        finally:
            self._writers -= {back, forth}
            for writer in (back, forth):
                writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(PIECE):
                await self._whole.wait()
                writer.write(piece)
                await writer.drain()
            writer.write_eof()

    def _up(self, data: bytes, browser: Address) -> None:
        if self._passes():
            self._after_a_while(self._on, data, browser)

    def _on(self, data: bytes, browser: Address) -> None:
        if self._udp is None:
            return
        flow = self._flows.get(browser)
        if flow is None:
            flow = self._flows[browser] = _Flow(
                (SERVICE, self.media), lambda answer: self._down(answer, browser)
            )
        flow.send(data)

    def _down(self, data: bytes, browser: Address) -> None:
        if self._passes():
            self._after_a_while(self._back, data, browser)

    def _back(self, data: bytes, browser: Address) -> None:
        if self._udp is not None:
            self._udp.sendto(data, browser)

    def _passes(self) -> bool:
        self._count += 1
        lost = self.loses and self._count % self.loses == 0
        return self._whole.is_set() and not self.swallows and not lost

    def _after_a_while(self, carry: Callable[[bytes, Address], None], data: bytes, browser: Address) -> None:
        if self.delay:
            asyncio.get_running_loop().call_later(self.delay, carry, data, browser)
        else:
            carry(data, browser)


class _Flow:
    """What one browser's socket sends, from a socket of its own."""

    def __init__(self, service: Address, back: Callable[[bytes], None]) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.connect(service)
        self._back = back
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def send(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self._socket.send(data)

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._socket.recv(PIECE):
                self._back(data)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()


class _Ears(asyncio.DatagramProtocol):
    def __init__(self, hear: Callable[[bytes, Address], None]) -> None:
        self._hear = hear

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._hear(data, addr)


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((SERVICE, 0))
        return int(probe.getsockname()[1])
