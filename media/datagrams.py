"""One UDP socket of a worker: wide buffers, never waited for, and many datagrams to one address in one call.

What is sealed in `media.adapter.sealed` leaves from there without a copy; datagrams of equal size, the last perhaps
shorter, in one call where the system can (UDP_SEGMENT, Linux), which halves what a packet costs.
"""

import logging
import socket
import sys
from collections.abc import Iterator

from media.adapter import Address, sealed
from media.addresses import family_of

LARGEST_DATAGRAM = 2048
BUFFER_BYTES = 4 * 1024 * 1024
SEGMENTS = 32  # datagrams sent in one call, at most

_SOL_UDP, _UDP_SEGMENT = 17, 103  # Linux; not named by the socket module
_SO_SNDBUFFORCE = 32  # Linux, with CAP_NET_ADMIN
_SO_RCVBUFFORCE = 33

log = logging.getLogger(__name__)


class Datagrams:
    """`Datagrams.at(address, port)`; close it when done."""

    def __init__(self, bound: socket.socket) -> None:
        self.port = int(bound.getsockname()[1])
        self._socket = bound

    @classmethod
    def at(cls, listen: str, port: int, *, only: bool) -> "Datagrams":
        """At this port, or at another one unless `only` it will do. Raises: OSError."""
        bound = socket.socket(family_of(listen), socket.SOCK_DGRAM)
        try:
            bound.setblocking(False)
            if bound.family == socket.AF_INET6:
                bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            _widen(bound, forced=_SO_RCVBUFFORCE, asked=socket.SO_RCVBUF, name="receive")
            _widen(bound, forced=_SO_SNDBUFFORCE, asked=socket.SO_SNDBUF, name="send")
            try:
                bound.bind((listen, port))
            except OSError:
                if only or not port:
                    raise
                bound.bind((listen, 0))
        except OSError as error:
            bound.close()
            raise OSError(error.errno, f"{listen} port {port}: {error.strerror}") from error
        return cls(bound)

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def received(self, most: int) -> Iterator[tuple[bytes, Address]]:
        """What has come, `most` at a time."""
        receive = self._socket.recvfrom
        for _ in range(most):
            try:
                arrived = receive(LARGEST_DATAGRAM)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                log.warning("the media socket could not be read: %s", error)
                return
            yield arrived

    def transmit(self, datagram: bytes | memoryview, address: Address) -> None:
        try:
            self._socket.sendto(datagram, address)
        except OSError as error:  # a full buffer or an unreachable address: the datagram is lost, as any may
            log.debug("not sent to %s: %s", address, error)

    def transmit_run(self, begin: int, end: int, segment: int, address: Address) -> None:
        """What is sealed from `begin` to `end`, as datagrams of `segment` bytes, the last perhaps shorter."""
        if end - begin <= segment:
            self.transmit(sealed[begin:end], address)
            return
        size = segment.to_bytes(2, sys.byteorder)
        try:
            self._socket.sendmsg([sealed[begin:end]], [(_SOL_UDP, _UDP_SEGMENT, size)], 0, address)
        except BlockingIOError as error:
            log.debug("not sent to %s: %s", address, error)
        except OSError:  # a network card or a path that does not take them together
            for at in range(begin, end, segment):
                self.transmit(sealed[at : min(at + segment, end)], address)


def _widen(bound: socket.socket, *, forced: int, asked: int, name: str) -> None:
    try:
        bound.setsockopt(socket.SOL_SOCKET, forced, BUFFER_BYTES)
    except OSError:
        bound.setsockopt(socket.SOL_SOCKET, asked, BUFFER_BYTES)
    held = bound.getsockopt(socket.SOL_SOCKET, asked)
    if held < BUFFER_BYTES:
        log.warning("the %s buffer holds %d bytes, not %d: bursts will be lost", name, held, BUFFER_BYTES)
