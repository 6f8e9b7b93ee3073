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
   have nominated several, and then uses one. Who has been proven once is believed elsewhere once in fifteen
   seconds; in between, only when valid packets have come from there. A check that would be shorter than its
   answer gets none;
4. an address at which another connection is alive cannot be taken over.

What comes before the first nomination is held, four datagrams at most. What one datagram breaks is
logged and stays with its sender.

Sound before picture: the socket is emptied first; all but packets of pictures are dealt with at once, and those
wait, each connection's by themselves, and are taken in turns, a few milliseconds' worth at a time. So a loop which
does not keep up sheds pictures, the oldest first, and no sound, and who sends too many loses their own. Which
they are is told by the payload type, which SRTP leaves in clear. After some packets of one connection it is told
that this is all for now (`rest`), so that it can pass them on together.
"""

import asyncio
import errno
import logging
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from media.adapter import (
    HANDSHAKE_SECONDS,
    LARGEST_SEALED,
    SEALED_BYTES,
    Address,
    MalformedStun,
    NotProtected,
    read_binding_request,
    write_binding_response,
)
from media.addresses import ANY_PORT, Candidate, Way, read_ways
from media.datagrams import SEGMENTS, Datagrams

BELIEVED_SECONDS = 3.0  # of sending to a new address from which nothing valid has come yet
BELIEVED_EVERY = 15.0
ALIVE_SECONDS = 3.0
KNOWN_ADDRESSES = 8  # of sockets and interfaces of a browser, by which each of our addresses is tried
HELD_DATAGRAMS = 4
DRAINED_AT_ONCE = 256  # datagrams, before others on the loop have their turn
TURN_SECONDS = 0.003  # of pictures, before sound has its turn again
WAITING = 256  # packets of pictures of one connection
BURST = 8  # of them at a time, before the next connection has its turn
LATE_SECONDS = 0.25  # a picture's packet that waited so long is of no use
SHEDDING_SECONDS = 2.0

log = logging.getLogger(__name__)

Seal = Callable[[int, bytes], int]
"""As `media.adapter.Dtls.seal`."""


def _sealed_by_nobody(_at: int, _packet: bytes) -> int:
    raise NotProtected("this connection has no keys")


def _nothing() -> None:
    pass


class Picture(NamedTuple):
    """A packet of a picture that waits for its turn."""

    at: float
    address: Address
    datagram: bytes


class Endpoint:
    """The ICE side of one connection: its credentials, the address that it is at, and by which base of ours.

    `receive` is given what arrives, and `rest` is called when that is all for now. `pictures`: payload types of packets
    that may wait, and be shed. `silent`: no RTP is sent.
    """

    def __init__(
        self, agent: "IceLite", *, receive: Callable[[bytes], None], seal: Seal, rest: Callable[[], None]
    ) -> None:
        self.ufrag = secrets.token_hex(4)
        self.password = secrets.token_hex(16)
        self.address: Address | None = None
        self.checked_at = 0.0  # last signed check, on the clock of the agent
        self.heard_at = 0.0  # last valid packet
        self.pictures: frozenset[int] = frozenset()
        self.waiting: deque[Picture] = deque()
        self.silent = False
        self.rest = rest
        self._receive = receive
        self._seal = seal
        self._base: Base | None = None
        self._clock = agent.clock
        self._known: deque[tuple[Base, Address]] = deque(maxlen=KNOWN_ADDRESSES)
        self._nominated: dict[Address, Base] = {}
        self._held: deque[bytes] = deque(maxlen=HELD_DATAGRAMS)
        self._from: Address | None = None
        self._believed_until: float | None = None
        self._believed_again_at: float | None = None  # from the first proof on
        self._next: Address | None = None  # as soon as something valid comes from there

    # --- out ---------------------------------------------------------------------------------------

    def send(self, datagram: bytes) -> None:
        """To the nominated address; dropped while there is none, or it is no longer believed."""
        if self.address is not None and self._base is not None and self._believed:
            self._base.datagrams.transmit(datagram, self.address)

    def transmit(self, packets: Iterable[bytes]) -> None:
        """Seals RTP packets and sends them, as by `send`, together as far as they can be."""
        if self.address is None or self._base is None or self.silent or not self._believed:
            return
        transmit_run, address = self._base.datagrams.transmit_run, self.address
        begin = at = segment = 0
        for packet in packets:
            try:
                size = self._seal(at, packet)
            except NotProtected as error:
                log.debug("a packet was not sent: %s", error)
                continue
            if at > begin and (size > segment or at - begin == SEGMENTS * segment):
                transmit_run(begin, at, segment, address)
                begin = at
            segment = size if at == begin else segment
            at += size
            if size < segment or at > SEALED_BYTES - LARGEST_SEALED:
                transmit_run(begin, at, segment, address)
                begin = at = 0
        if at > begin:
            transmit_run(begin, at, segment, address)

    @property
    def _believed(self) -> bool:
        return self._believed_until is None or self._clock() <= self._believed_until

    # --- in ----------------------------------------------------------------------------------------

    def heard(self) -> None:
        """The datagram just received was valid: the address that it came from is proven."""
        self.heard_at = self._clock()
        if self._believed_again_at is None:
            self._believed_again_at = self.heard_at
        if self._from == self.address:
            self._believed_until = None
        elif self._from == self._next or (
            self._believed_until is not None and self.heard_at > self._believed_until
        ):
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
            self._go(base, address)

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
            self.address, self._base, self._next = self._from, base, None
            self._believed_until = None

    def _go(self, base: "Base", address: Address) -> None:
        """To the address that was nominated last, at once or as soon as it is proven."""
        now = self._clock()
        if address == self.address:
            self._base, self._next = base, None
        elif self._believed_again_at is None or now >= self._believed_again_at:
            self._move(base, address)
        else:
            self._next = address

    def _move(self, base: "Base", address: Address) -> None:
        now = self._clock()
        self._believed_until = now + (HANDSHAKE_SECONDS if self.address is None else BELIEVED_SECONDS)
        if self._believed_again_at is not None:
            self._believed_again_at = now + BELIEVED_EVERY
        self.address, self._base, self._next = address, base, None
        while self._held:
            self.arrived(self._held.popleft(), address)

    @property
    def known(self) -> tuple[Address, ...]:
        return tuple(address for _, address in self._known)


class IceLite:
    """The agent; `await IceLite.open(…)`, then an `endpoint` for each connection."""

    def __init__(self, bound: Sequence[tuple[Way, Datagrams]], *, clock: Callable[[], float]) -> None:
        self.candidates = tuple(Candidate(way.announce, each.port) for way, each in bound)
        self.clock = clock
        self.shed = 0  # packets of pictures, given up because the loop did not keep up
        self.by_ufrag: dict[str, Endpoint] = {}
        self._shed_at = float("-inf")
        self._bases = [Base(self, each) for _, each in bound]

    @classmethod
    async def open(
        cls,
        *,
        listen: str,
        port: range = ANY_PORT,
        announce: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> "IceLite":
        """Binds each address of `listen` and names those of `announce` in its candidates (`media.addresses`).

        All at the first port of the range that is free for all; at 0 any will do, the same for all where it is free.
        Raises: OSError, Implausible.
        """
        ways = read_ways(listen, announce)
        why = ""
        for number in port:
            try:
                return cls(_bound(ways, number), clock=clock)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                why = str(error.strerror)
        raise OSError(errno.EADDRINUSE, f"no UDP port from {port[0]} to {port[-1]} is free: {why}")

    def endpoint(
        self,
        receive: Callable[[bytes], None],
        seal: Seal = _sealed_by_nobody,
        rest: Callable[[], None] = _nothing,
    ) -> Endpoint:
        endpoint = Endpoint(self, receive=receive, seal=seal, rest=rest)
        self.by_ufrag[endpoint.ufrag] = endpoint
        return endpoint

    def forget(self, endpoint: Endpoint) -> None:
        self.by_ufrag.pop(endpoint.ufrag, None)
        endpoint.forget()

    def close(self) -> None:
        for base in self._bases:
            base.close()

    @property
    def shedding(self) -> bool:
        """Pictures were given up a moment ago; asking for them again would only add to the load."""
        return self.clock() - self._shed_at < SHEDDING_SECONDS

    def gives_up(self, now: float) -> None:
        """A packet of a picture."""
        self.shed += 1
        self._shed_at = now


class Base:
    """One socket of the agent, the base of a candidate (RFC 8445 section 4), and whom it hears from where."""

    def __init__(self, agent: IceLite, datagrams: Datagrams) -> None:
        self.by_address: dict[Address, Endpoint] = {}
        self.datagrams = datagrams
        self._agent = agent
        self._turns: deque[Endpoint] = deque()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(datagrams.fileno(), self.work)

    def close(self) -> None:
        self._turns.clear()
        self._loop.remove_reader(self.datagrams.fileno())
        self.datagrams.close()

    def work(self) -> None:
        """One turn: all that is no picture, then some pictures."""
        self.empty_socket()
        self._take_pictures()
        if self._turns:
            self._loop.call_soon(self.work)

    def empty_socket(self) -> None:
        now = self._agent.clock()
        endpoints = self.by_address
        for datagram, address in self.datagrams.received(DRAINED_AT_ONCE):
            endpoint = endpoints.get(address)
            if endpoint is None or len(datagram) < 2 or datagram[0] < 128:
                self._arrived(datagram, endpoint, address)
            elif datagram[1] & 0x7F in endpoint.pictures:
                self._wait(endpoint, Picture(now, address, datagram))
            else:
                self._arrived(datagram, endpoint, address)
                self._rest(endpoint)

    def _wait(self, endpoint: Endpoint, picture: Picture) -> None:
        waiting = endpoint.waiting
        if not waiting:
            self._turns.append(endpoint)
        elif len(waiting) >= WAITING:
            waiting.popleft()
            self._agent.gives_up(picture.at)
        waiting.append(picture)

    def _take_pictures(self) -> None:
        clock = self._agent.clock
        now = clock()
        end = now + TURN_SECONDS
        while self._turns and now < end:
            endpoint = self._turns.popleft()
            waiting = endpoint.waiting
            for _ in range(min(len(waiting), BURST)):
                at, address, datagram = waiting.popleft()
                if now - at > LATE_SECONDS:
                    self._agent.gives_up(now)
                else:
                    self._arrived(datagram, endpoint, address)
            self._rest(endpoint)
            if waiting:
                self._turns.append(endpoint)
            now = clock()

    def _arrived(self, datagram: bytes, endpoint: Endpoint | None, address: Address) -> None:
        try:
            if datagram and datagram[0] <= 3:
                self._check(datagram, address)
            elif endpoint is not None and datagram:
                endpoint.arrived(datagram, address)
        except Exception:  # whatever one datagram breaks stays with its sender, and the others are heard
            log.exception("a datagram of %s was dropped", address)

    def _rest(self, endpoint: Endpoint) -> None:
        try:
            endpoint.rest()
        except Exception:  # as above
            log.exception("packets of %s were dropped", endpoint.address)

    def _check(self, datagram: bytes, address: Address) -> None:
        try:
            request = read_binding_request(datagram)
        except MalformedStun:
            return
        endpoint = self._agent.by_ufrag.get(request.local)
        if endpoint is None or not request.signed_with(endpoint.password):
            return
        holder = self.by_address.get(address, endpoint)
        if holder is not endpoint and holder.alive_at(address):
            return
        response = write_binding_response(request, address=address[:2], password=endpoint.password)
        if len(response) <= len(datagram):
            self.datagrams.transmit(response, address)
            endpoint.check(self, address, nominates=request.nominates)


def _bound(ways: Sequence[Way], port: int) -> list[tuple[Way, Datagrams]]:
    """A socket for each way at this port; at 0 at the one that the first was given, where it is free."""
    bound: list[tuple[Way, Datagrams]] = []
    try:
        for way in ways:
            wished = port or (bound[0][1].port if bound else 0)
            bound.append((way, Datagrams.at(way.listen, wished, only=bool(port))))
    except OSError:
        for _, each in bound:
            each.close()
        raise
    return bound
