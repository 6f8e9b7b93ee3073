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

Sound before picture: the socket is emptied first; all but packets of pictures are dealt with at once, and those
wait, each connection's by themselves, and are taken in turns, a few milliseconds' worth at a time. So a loop which
does not keep up sheds pictures, the oldest first, and no sound, and who sends too many loses their own. Which
they are is told by the payload type, which SRTP leaves in clear.

What goes to one address within one turn leaves together, packets of equal size in one call (UDP_SEGMENT,
Linux), which halves what a packet costs.
"""

import asyncio
import logging
import secrets
import socket
import sys
import time
from collections import deque
from collections.abc import Callable

from media.adapter import (
    HANDSHAKE_SECONDS,
    LARGEST_SEALED,
    SEALED_BYTES,
    Address,
    BindingRequest,
    MalformedStun,
    NotProtected,
    read_binding_request,
    sealed,
    write_binding_response,
)

BELIEVED_SECONDS = 3.0  # of sending to a new address from which nothing valid has come yet
ALIVE_SECONDS = 3.0
KNOWN_ADDRESSES = 4
HELD_DATAGRAMS = 4
DRAINED_AT_ONCE = 256  # datagrams, before others on the loop have their turn
LARGEST_DATAGRAM = 2048
BUFFER_BYTES = 4 * 1024 * 1024
TURN_SECONDS = 0.003  # of pictures, before sound has its turn again
WAITING = 256  # packets of pictures of one connection
BURST = 8  # of them at a time, before the next connection has its turn
LATE_SECONDS = 0.25  # a picture's packet that waited so long is of no use
SHEDDING_SECONDS = 2.0
SEGMENTS = 32  # packets sent in one call

_SOL_UDP, _UDP_SEGMENT = 17, 103  # Linux; not named by the socket module
_SO_SNDBUFFORCE = 32  # Linux, with CAP_NET_ADMIN; not named by the socket module
_SO_RCVBUFFORCE = 33

log = logging.getLogger(__name__)


Seal = Callable[[int, bytes, bytes], int]
"""As `media.adapter.Dtls.seal`."""


def _sealed_by_nobody(_at: int, _header: bytes, _payload: bytes) -> int:
    raise NotProtected("this connection has no keys")


class Endpoint:
    """The ICE side of one connection: its credentials, and the address that it is at.

    `pictures`: payload types of packets that may wait, and be shed. `silent`: nothing that is posted is sent.
    """

    def __init__(self, agent: "IceLite", *, receive: Callable[[bytes], None], seal: Seal) -> None:
        self.ufrag = secrets.token_hex(4)
        self.password = secrets.token_hex(16)
        self.address: Address | None = None
        self.checked_at = 0.0  # last signed check, on the clock of the agent
        self.heard_at = 0.0  # last valid packet
        self.pictures: frozenset[int] = frozenset()
        self.silent = False
        self._agent = agent
        self._receive = receive
        self._seal = seal
        self._clock = agent.clock
        self._posted: list[tuple[bytes, bytes]] = []
        self.waiting: deque[tuple[float, Address, bytes]] = deque()
        self._known: deque[Address] = deque(maxlen=KNOWN_ADDRESSES)
        self._held: deque[bytes] = deque(maxlen=HELD_DATAGRAMS)
        self._from: Address | None = None
        self._believed_until: float | None = None

    def send(self, datagram: bytes) -> None:
        """To the nominated address; dropped while there is none, or it is no longer believed."""
        if self.address is not None and self._believed:
            self._agent.transmit(datagram, self.address)

    def post(self, header: bytes, payload: bytes) -> None:
        """An RTP packet, to be sealed and sent at the end of this turn, as `send` would."""
        if not self._posted:
            self._agent.leaving(self)
        self._posted.append((header, payload))

    def depart(self) -> None:
        """Seals and sends what was posted."""
        posted, self._posted = self._posted, []
        if self.address is None or self.silent or not self._believed:
            return
        begin = at = segment = 0
        for header, payload in posted:
            try:
                size = self._seal(at, header, payload)
            except NotProtected as error:
                log.debug("a packet was not sent: %s", error)
                continue
            if at > begin and (size > segment or at - begin == SEGMENTS * segment):
                self._agent.transmit_run(begin, at, segment, self.address)
                begin = at
            segment = size if at == begin else segment
            at += size
            if size < segment or at > SEALED_BYTES - LARGEST_SEALED:
                self._agent.transmit_run(begin, at, segment, self.address)
                begin = at = 0
        if at > begin:
            self._agent.transmit_run(begin, at, segment, self.address)

    @property
    def _believed(self) -> bool:
        return self._believed_until is None or self._clock() <= self._believed_until

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
        self.clock = clock
        self.shed = 0  # packets of pictures, given up because the loop did not keep up
        self._shed_at = float("-inf")
        self._socket = bound
        self._turns: deque[Endpoint] = deque()
        self._leaving: list[Endpoint] = []
        self._at_work = False
        self._by_ufrag: dict[str, Endpoint] = {}
        self._by_address: dict[Address, Endpoint] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(bound.fileno(), self._drain)

    @classmethod
    async def open(
        cls, *, listen: str, port: int = 0, announce: str = "", clock: Callable[[], float] = time.monotonic
    ) -> "IceLite":
        """Binds `listen`:`port` (0: any) and names `announce` in its candidates. Raises: OSError."""
        family = socket.AF_INET6 if ":" in listen else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_DGRAM)
        try:
            bound.setblocking(False)
            _widen(bound, forced=_SO_RCVBUFFORCE, asked=socket.SO_RCVBUF, name="receive")
            _widen(bound, forced=_SO_SNDBUFFORCE, asked=socket.SO_SNDBUF, name="send")
            bound.bind((listen, port))
        except OSError:
            bound.close()
            raise
        return cls(bound, announce=announce or listen, clock=clock)

    def endpoint(self, receive: Callable[[bytes], None], seal: Seal = _sealed_by_nobody) -> Endpoint:
        endpoint = Endpoint(self, receive=receive, seal=seal)
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

    @property
    def shedding(self) -> bool:
        """Pictures were given up a moment ago; asking for them again would only add to the load."""
        return self.clock() - self._shed_at < SHEDDING_SECONDS

    # --- out ---------------------------------------------------------------------------------------

    def transmit(self, datagram: bytes | memoryview, address: Address) -> None:
        try:
            self._socket.sendto(datagram, address)
        except OSError as error:  # a full buffer or an unreachable address: the datagram is lost, as any may
            log.debug("not sent to %s: %s", address, error)

    def transmit_run(self, begin: int, end: int, segment: int, address: Address) -> None:
        """What is sealed from `begin` to `end`, as datagrams of `segment` bytes, the last perhaps shorter."""
        if end - begin > segment:
            size = segment.to_bytes(2, sys.byteorder)
            try:
                self._socket.sendmsg([sealed[begin:end]], [(_SOL_UDP, _UDP_SEGMENT, size)], 0, address)
            except BlockingIOError as error:
                log.debug("not sent to %s: %s", address, error)
            except OSError:  # a network card or a path that does not take them together
                for at in range(begin, end, segment):
                    self.transmit(sealed[at : min(at + segment, end)], address)
        else:
            self.transmit(sealed[begin:end], address)

    def leaving(self, endpoint: Endpoint) -> None:
        """It has something to send when this turn ends."""
        if not self._leaving and not self._at_work:
            self._loop.call_soon(self.depart)
        self._leaving.append(endpoint)

    def depart(self) -> None:
        """Sends all that was posted."""
        leaving, self._leaving = self._leaving, []
        for endpoint in leaving:
            endpoint.depart()

    # --- in ----------------------------------------------------------------------------------------

    def _drain(self) -> None:
        self._at_work = True
        try:
            self._empty_socket()
            self._take_pictures()
        finally:
            self._at_work = False
            self.depart()

    def _empty_socket(self) -> None:
        now = self.clock()
        receive, endpoints = self._socket.recvfrom, self._by_address
        for _ in range(DRAINED_AT_ONCE):
            try:
                datagram, address = receive(LARGEST_DATAGRAM)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                log.warning("the media socket could not be read: %s", error)
                return
            endpoint = endpoints.get(address)
            if endpoint is None or len(datagram) < 2 or datagram[0] < 128:
                self._arrived(datagram, endpoint, address)
            elif datagram[1] & 0x7F in endpoint.pictures:
                self._wait(endpoint, (now, address, datagram))
            else:
                self._arrived(datagram, endpoint, address)

    def _wait(self, endpoint: Endpoint, picture: tuple[float, Address, bytes]) -> None:
        waiting = endpoint.waiting
        if not waiting:
            self._turns.append(endpoint)
        elif len(waiting) >= WAITING:
            waiting.popleft()
            self._shed(picture[0])
        waiting.append(picture)

    def _take_pictures(self) -> None:
        now = self.clock()
        end = now + TURN_SECONDS
        while self._turns and now < end:
            endpoint = self._turns.popleft()
            waiting = endpoint.waiting
            for _ in range(min(len(waiting), BURST)):
                at, address, datagram = waiting.popleft()
                if now - at > LATE_SECONDS:
                    self._shed(now)
                else:
                    self._arrived(datagram, endpoint, address)
            if waiting:
                self._turns.append(endpoint)
            now = self.clock()
        if self._turns:
            self._loop.call_soon(self._drain)

    def _shed(self, now: float) -> None:
        self.shed += 1
        self._shed_at = now

    def _arrived(self, datagram: bytes, endpoint: Endpoint | None, address: Address) -> None:
        try:
            if datagram and datagram[0] <= 3:
                self._check(datagram, address)
            elif endpoint is not None and datagram:
                endpoint.arrived(datagram, address)
        except Exception:
            log.exception("a datagram of %s was dropped", address)

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
        self.transmit(response, address)
        self._by_address[address] = endpoint
        dropped = endpoint.check(address, nominates=request.nominates)
        if dropped is not None and self._by_address.get(dropped) is endpoint:
            del self._by_address[dropped]


def _widen(bound: socket.socket, *, forced: int, asked: int, name: str) -> None:
    try:
        bound.setsockopt(socket.SOL_SOCKET, forced, BUFFER_BYTES)
    except OSError:
        bound.setsockopt(socket.SOL_SOCKET, asked, BUFFER_BYTES)
    held = bound.getsockopt(socket.SOL_SOCKET, asked)
    if held < BUFFER_BYTES:
        log.warning("the %s buffer holds %d bytes, not %d: bursts will be lost", name, held, BUFFER_BYTES)
