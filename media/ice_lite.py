"""One UDP socket for all connections of a worker: an ICE-lite agent (RFC 8445 section 2.5).

What arrives is told apart by its first byte (RFC 7983): a STUN check by our username fragment in it, all
else by the address that it comes from. The rules for addresses:

1. a check counts only if it is signed with the password of its fragment; others are not answered at all;
2. an address is sent to only after such a check with USE-CANDIDATE from it, and the latest one wins:
   so a change of network is free. Other checked addresses are only listened to, four at most;
3. no agent of ours verifies an address (that is what "lite" means), so a new one is believed for three
   seconds, and longer only when valid SRTP or SRTCP came from it; the first, for as long as a DTLS
   handshake may take. An answer to a check is no longer than the check;
4. an address at which another connection is alive cannot be taken over.

What comes before the first nomination is held, four datagrams at most. What one datagram breaks is
logged and stays with its sender.
"""

import asyncio
import errno
import logging
import re
import secrets
import socket
import time
from collections import deque
from collections.abc import Callable

from media.adapter import (
    HANDSHAKE_SECONDS,
    Address,
    BindingRequest,
    MalformedStun,
    read_binding_request,
    write_binding_response,
)

BELIEVED_SECONDS = 3.0  # of sending to a new address from which nothing valid has come yet
ALIVE_SECONDS = 3.0
KNOWN_ADDRESSES = 4
HELD_DATAGRAMS = 4
DRAINED_AT_ONCE = 256  # datagrams, before others on the loop have their turn
LARGEST_DATAGRAM = 2048
BUFFER_BYTES = 4 * 1024 * 1024
ANY_PORT = range(1)

_SO_SNDBUFFORCE = 32  # Linux, with CAP_NET_ADMIN; not named by the socket module
_SO_RCVBUFFORCE = 33

log = logging.getLogger(__name__)


class Endpoint:
    """The ICE side of one connection: its credentials, and the address that it is at."""

    def __init__(
        self,
        *,
        receive: Callable[[bytes], None],
        transmit: Callable[[bytes, Address], None],
        clock: Callable[[], float],
    ) -> None:
        self.ufrag = secrets.token_hex(4)
        self.password = secrets.token_hex(16)
        self.address: Address | None = None
        self.checked_at = 0.0  # last signed check, on the clock of the agent
        self.heard_at = 0.0  # last valid packet
        self._receive = receive
        self._transmit = transmit
        self._clock = clock
        self._known: deque[Address] = deque(maxlen=KNOWN_ADDRESSES)
        self._held: deque[bytes] = deque(maxlen=HELD_DATAGRAMS)
        self._from: Address | None = None
        self._believed_until: float | None = None

    def send(self, datagram: bytes) -> None:
        """To the nominated address; dropped while there is none, or it is no longer believed."""
        if self.address is None:
            return
        if self._believed_until is not None and self._clock() > self._believed_until:
            return
        self._transmit(datagram, self.address)

    def heard(self) -> None:
        """The datagram just received was valid: the address that it came from is proven."""
        self.heard_at = self._clock()
        if self._from == self.address:
            self._believed_until = None

    def alive_at(self, address: Address) -> bool:
        return (
            address == self.address
            and self._believed_until is None
            and self._clock() - self.heard_at < ALIVE_SECONDS
        )

    def arrived(self, datagram: bytes, address: Address) -> None:
        if self.address is None:
            self._held.append(datagram)
        else:
            self._from = address
            self._receive(datagram)

    def check(self, address: Address, *, nominates: bool) -> Address | None:
        """A signed check came from `address`. Gives the address that is no longer listened to, if any."""
        self.checked_at = self._clock()
        dropped = self._learn(address)
        if nominates and address != self.address:
            self._move(address)
        return dropped

    def _learn(self, address: Address) -> Address | None:
        if address in self._known:
            return None
        dropped = None
        if len(self._known) == KNOWN_ADDRESSES:
            dropped = next(known for known in self._known if known != self.address)
            self._known.remove(dropped)
        self._known.append(address)
        return dropped

    def _move(self, address: Address) -> None:
        believed = HANDSHAKE_SECONDS if self.address is None else BELIEVED_SECONDS
        self._believed_until = self._clock() + believed
        self.address = address
        while self._held:
            self.arrived(self._held.popleft(), address)

    @property
    def known(self) -> tuple[Address, ...]:
        return tuple(self._known)


class IceLite:
    """The agent; `await IceLite.open(…)`, then an `endpoint` for each connection."""

    def __init__(self, bound: socket.socket, *, announce: str, clock: Callable[[], float]) -> None:
        self.candidate: Address = (announce, bound.getsockname()[1])
        self._socket = bound
        self._clock = clock
        self._by_ufrag: dict[str, Endpoint] = {}
        self._by_address: dict[Address, Endpoint] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(bound.fileno(), self._drain)

    @classmethod
    async def open(
        cls,
        *,
        listen: str,
        port: range = ANY_PORT,
        announce: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> "IceLite":
        """Binds `listen` and the first free `port` of these (0: any); names `announce` in its candidates.

        Raises: OSError.
        """
        family = socket.AF_INET6 if ":" in listen else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_DGRAM)
        try:
            bound.setblocking(False)
            _widen(bound, forced=_SO_RCVBUFFORCE, asked=socket.SO_RCVBUF, name="receive")
            _widen(bound, forced=_SO_SNDBUFFORCE, asked=socket.SO_SNDBUF, name="send")
            _bind(bound, listen, port)
        except OSError:
            bound.close()
            raise
        return cls(bound, announce=announce or listen, clock=clock)

    def endpoint(self, receive: Callable[[bytes], None]) -> Endpoint:
        endpoint = Endpoint(receive=receive, transmit=self._transmit, clock=self._clock)
        self._by_ufrag[endpoint.ufrag] = endpoint
        return endpoint

    def forget(self, endpoint: Endpoint) -> None:
        self._by_ufrag.pop(endpoint.ufrag, None)
        for address in endpoint.known:
            if self._by_address.get(address) is endpoint:
                del self._by_address[address]

    def close(self) -> None:
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def _transmit(self, datagram: bytes, address: Address) -> None:
        try:
            self._socket.sendto(datagram, address)
        except OSError as error:  # a full buffer or an unreachable address: the datagram is lost, as any may
            log.debug("not sent to %s: %s", address, error)

    def _drain(self) -> None:
        for _ in range(DRAINED_AT_ONCE):
            try:
                datagram, address = self._socket.recvfrom(LARGEST_DATAGRAM)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                log.warning("the media socket could not be read: %s", error)
                return
            try:
                self._arrived(datagram, address)
            except Exception:
                log.exception("a datagram of %s was dropped", address)

    def _arrived(self, datagram: bytes, address: Address) -> None:
        endpoint = self._by_address.get(address)
        if datagram and datagram[0] <= 3:
            self._check(datagram, address)
        elif endpoint is not None and datagram:
            endpoint.arrived(datagram, address)

    def _check(self, datagram: bytes, address: Address) -> None:
        try:
            request = read_binding_request(datagram)
        except MalformedStun:
            return
        endpoint = self._by_ufrag.get(request.local)
        if endpoint is None or not request.signed_with(endpoint.password):
            return
        holder = self._by_address.get(address, endpoint)
        if holder is not endpoint and holder.alive_at(address):
            return
        self._accept(endpoint, request, address)

    def _accept(self, endpoint: Endpoint, request: BindingRequest, address: Address) -> None:
        response = write_binding_response(request, address=address[:2], password=endpoint.password)
        self._transmit(response, address)
        self._by_address[address] = endpoint
        dropped = endpoint.check(address, nominates=request.nominates)
        if dropped is not None and self._by_address.get(dropped) is endpoint:
            del self._by_address[dropped]


def ports(text: str) -> range:
    """`40000` or `40000-40009`; 0 is any. Raises: ValueError."""
    found = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", text, re.ASCII)
    if found is None:
        raise ValueError("a port, or two with a hyphen: 40000-40009")
    first, last = int(found[1]), int(found[2] or found[1])
    if not (first == last == 0 or 1 <= first <= last <= 65535):
        raise ValueError("ports are 1 to 65535, the lower one first; 0 alone is any")
    return range(first, last + 1)


def _bind(bound: socket.socket, listen: str, numbers: range) -> None:
    for number in numbers:
        try:
            return bound.bind((listen, number))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    raise OSError(errno.EADDRINUSE, f"no UDP port from {numbers[0]} to {numbers[-1]} is free")


def _widen(bound: socket.socket, *, forced: int, asked: int, name: str) -> None:
    try:
        bound.setsockopt(socket.SOL_SOCKET, forced, BUFFER_BYTES)
    except OSError:
        bound.setsockopt(socket.SOL_SOCKET, asked, BUFFER_BYTES)
    held = bound.getsockopt(socket.SOL_SOCKET, asked)
    if held < BUFFER_BYTES:
        log.warning("the %s buffer holds %d bytes, not %d: bursts will be lost", name, held, BUFFER_BYTES)
