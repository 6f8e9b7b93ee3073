"""One UDP socket for each address of a worker, for all its connections: an ICE-lite agent (RFC 8445 section 2.5).

What arrives is told apart by its first byte (RFC 7983): a STUN check by our username fragment in it, all
else by the address that it comes from. The rules for addresses:

1. a check counts only if it is signed with the password of its fragment; others are not answered at all;
2. an address is sent to only after such a check with USE-CANDIDATE from it, from the socket that this came
   in on, and the latest one wins: so a change of network is free. Other checked addresses are only listened
   to, eight at most;
3. no agent of ours verifies an address (that is what "lite" means), so a new one is believed for three
   seconds, and longer only when valid SRTP or SRTCP came from it; the first, for as long as a DTLS
   handshake may take. After that the nominated address from which they do come is sent to: an agent may
   have nominated several, and then uses one. An answer to a check is no longer than the check;
4. an address at which another connection is alive cannot be taken over.

What comes before the first nomination is held, four datagrams at most. What one datagram breaks is
logged and stays with its sender.
"""

import asyncio
import logging
import secrets
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence

from media.adapter import (
    HANDSHAKE_SECONDS,
    Address,
    BindingRequest,
    MalformedStun,
    read_binding_request,
    write_binding_response,
)
from media.addresses import Candidate, Way, family_of, read_ways

BELIEVED_SECONDS = 3.0  # of sending to a new address from which nothing valid has come yet
ALIVE_SECONDS = 3.0
KNOWN_ADDRESSES = 8  # of sockets and interfaces of a browser, by which each of our addresses is tried
HELD_DATAGRAMS = 4
DRAINED_AT_ONCE = 256  # datagrams, before others on the loop have their turn
LARGEST_DATAGRAM = 2048
BUFFER_BYTES = 4 * 1024 * 1024

_SO_SNDBUFFORCE = 32  # Linux, with CAP_NET_ADMIN; not named by the socket module
_SO_RCVBUFFORCE = 33

log = logging.getLogger(__name__)


class Endpoint:
    """The ICE side of one connection: its credentials, the address that it is at, and by which base of ours."""

    def __init__(self, *, receive: Callable[[bytes], None], clock: Callable[[], float]) -> None:
        self.ufrag = secrets.token_hex(4)
        self.password = secrets.token_hex(16)
        self.address: Address | None = None
        self.checked_at = 0.0  # last signed check, on the clock of the agent
        self.heard_at = 0.0  # last valid packet
        self._receive = receive
        self._transmit = _nowhere
        self._clock = clock
        self._known: deque[tuple[Base, Address]] = deque(maxlen=KNOWN_ADDRESSES)
        self._nominated: dict[Address, Base] = {}
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
        elif self._believed_until is not None and self.heard_at > self._believed_until:
            self._return()

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

    def check(self, base: "Base", address: Address, *, nominates: bool) -> None:
        """A signed check came from `address` to `base`."""
        self.checked_at = self._clock()
        self._learn(base, address)
        if nominates:
            self._nominated[address] = base
            self._transmit = base.transmit
            if address != self.address:
                self._move(address)

    def forget(self) -> None:
        """Nothing is listened to any more."""
        while self._known:
            self._drop(*self._known[0])

    def _learn(self, base: "Base", address: Address) -> None:
        base.by_address[address] = self
        if (base, address) in self._known:
            return
        if len(self._known) == KNOWN_ADDRESSES:
            self._drop(*next(known for known in self._known if known[1] != self.address))
        self._known.append((base, address))

    def _drop(self, base: "Base", address: Address) -> None:
        self._known.remove((base, address))
        if base.by_address.get(address) is self:
            del base.by_address[address]
        if self._nominated.get(address) is base:
            del self._nominated[address]

    def _return(self) -> None:
        base = self._nominated.get(self._from) if self._from is not None else None
        if base is not None:
            self.address, self._transmit = self._from, base.transmit
            self._believed_until = None

    def _move(self, address: Address) -> None:
        believed = HANDSHAKE_SECONDS if self.address is None else BELIEVED_SECONDS
        self._believed_until = self._clock() + believed
        self.address = address
        while self._held:
            self.arrived(self._held.popleft(), address)

    @property
    def known(self) -> tuple[Address, ...]:
        return tuple(address for _, address in self._known)


class IceLite:
    """The agent; `await IceLite.open(…)`, then an `endpoint` for each connection."""

    def __init__(self, bound: Sequence[tuple[Way, socket.socket]], *, clock: Callable[[], float]) -> None:
        self.candidates = tuple(Candidate(way.announce, each.getsockname()[1]) for way, each in bound)
        self._clock = clock
        self._by_ufrag: dict[str, Endpoint] = {}
        self._bases = [Base(each, self._by_ufrag) for _, each in bound]

    @classmethod
    async def open(
        cls, *, listen: str, port: int = 0, announce: str = "", clock: Callable[[], float] = time.monotonic
    ) -> "IceLite":
        """Binds each address of `listen` and names those of `announce` in its candidates (`media.addresses`).

        All at `port`; at 0 any will do, the same for all where it is free. Raises: OSError, Implausible.
        """
        bound: list[tuple[Way, socket.socket]] = []
        try:
            for way in read_ways(listen, announce):
                wished = port or (bound[0][1].getsockname()[1] if bound else 0)
                bound.append((way, _bind(way.listen, wished, only=bool(port))))
        except OSError:
            for _, each in bound:
                each.close()
            raise
        return cls(bound, clock=clock)

    def endpoint(self, receive: Callable[[bytes], None]) -> Endpoint:
        endpoint = Endpoint(receive=receive, clock=self._clock)
        self._by_ufrag[endpoint.ufrag] = endpoint
        return endpoint

    def forget(self, endpoint: Endpoint) -> None:
        self._by_ufrag.pop(endpoint.ufrag, None)
        endpoint.forget()

    def close(self) -> None:
        for base in self._bases:
            base.close()


class Base:
    """One socket of the agent, the base of a candidate (RFC 8445 section 4), and whom it hears from where."""

    def __init__(self, bound: socket.socket, by_ufrag: dict[str, Endpoint]) -> None:
        self.by_address: dict[Address, Endpoint] = {}
        self._socket = bound
        self._by_ufrag = by_ufrag
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(bound.fileno(), self._drain)

    def close(self) -> None:
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def transmit(self, datagram: bytes, address: Address) -> None:
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
        endpoint = self.by_address.get(address)
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
        holder = self.by_address.get(address, endpoint)
        if holder is not endpoint and holder.alive_at(address):
            return
        self._accept(endpoint, request, address)

    def _accept(self, endpoint: Endpoint, request: BindingRequest, address: Address) -> None:
        response = write_binding_response(request, address=address[:2], password=endpoint.password)
        self.transmit(response, address)
        endpoint.check(self, address, nominates=request.nominates)


def _nowhere(datagram: bytes, address: Address) -> None:
    """Where an endpoint sends that nobody has nominated yet."""


def _bind(listen: str, port: int, *, only: bool) -> socket.socket:
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
    return bound


def _widen(bound: socket.socket, *, forced: int, asked: int, name: str) -> None:
    try:
        bound.setsockopt(socket.SOL_SOCKET, forced, BUFFER_BYTES)
    except OSError:
        bound.setsockopt(socket.SOL_SOCKET, asked, BUFFER_BYTES)
    held = bound.getsockopt(socket.SOL_SOCKET, asked)
    if held < BUFFER_BYTES:
        log.warning("the %s buffer holds %d bytes, not %d: bursts will be lost", name, held, BUFFER_BYTES)
