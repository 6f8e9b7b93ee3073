"""One UDP socket for each address of a worker, for all its connections: an ICE-lite agent (RFC 8445 section 2.5).

What arrives is told apart by its first byte (RFC 7983): a STUN check by our username fragment in it, all
else by the address that it comes from. The rules for addresses:

1. a check counts only if it is signed with the password of its fragment; others are not answered at all. A check
   that would be shorter than its answer gets none;
2. an address is sent to only after such a check with USE-CANDIDATE from it, from the socket that this came in on, and
   only after it has answered a check of ours: whoever knows a password can sign as coming from anywhere. (A lite agent
   need not ask, RFC 8445; full ones answer.) Until then no more bytes go there than have come from there;
3. the address that was nominated last wins as soon as it has answered: so a change of network costs a round trip. An
   agent may have nominated several, and then uses one: if nothing valid comes from the one that is sent to, the other
   that it does come from is;
4. an address at which another connection is alive cannot be taken over. Others that were checked are only listened
   to, eight at most.

What comes before the first address is sent to is held, four datagrams at most. What one datagram breaks is
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
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from media.adapter import (
    LARGEST_SEALED,
    SEALED_BYTES,
    Address,
    BindingRequest,
    Credentials,
    MalformedStun,
    NotProtected,
    is_binding_request,
    read_binding_request,
    read_binding_response,
    write_binding_request,
    write_binding_response,
)
from media.addresses import ANY_PORT, Candidate, Way, read_ways
from media.datagrams import SEGMENTS, Datagrams

UNHEARD_SECONDS = 3.0  # where we send to, before we send to where valid packets do come from
ALIVE_SECONDS = 3.0
MOST_SPARE = 4096
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


class Picture(NamedTuple):
    """A packet of a picture that waits for its turn."""

    at: float
    address: Address
    datagram: bytes


@dataclass(slots=True, eq=False)
class Pair:
    """An address, by the base of ours that it reached. `spare`: bytes that have come from there, less those that were
    sent there. `request`: our check, of the transaction `asked`; whether it was `answered`.
    """

    base: "Base"
    address: Address
    nominated: bool = False
    answered: bool = False
    spare: int = 0
    asked: bytes = b""
    request: bytes = b""


class Endpoint:
    """The ICE side of one connection: its credentials, `remote`, the other side's, and the address that it is at.

    `receive` is given what arrives, and `rest` is called when that is all for now. `pictures`: payload types of packets
    that may wait, and be shed. `silent`: no RTP is sent.
    """

    def __init__(
        self,
        agent: "IceLite",
        *,
        remote: Credentials,
        receive: Callable[[bytes], None],
        seal: Seal,
        rest: Callable[[], None],
    ) -> None:
        self.ufrag = secrets.token_hex(4)
        self.password = secrets.token_hex(16)
        self.checked_at = 0.0  # last signed check, on the clock of the agent
        self.heard_at = 0.0  # last valid packet
        self.pictures: frozenset[int] = frozenset()
        self.waiting: deque[Picture] = deque()
        self.silent = False
        self.rest = rest
        self._remote = remote
        self._receive = receive
        self._seal = seal
        self._clock = agent.clock
        self._pairs: list[Pair] = []
        self._used: Pair | None = None
        self._used_at = 0.0  # when something valid came from there
        self._wanted: Pair | None = None  # as soon as it has answered
        self._from: Pair | None = None
        self._held: deque[tuple[Pair, bytes]] = deque(maxlen=HELD_DATAGRAMS)

    @property
    def address(self) -> Address | None:
        """Where it is sent to."""
        return None if self._used is None else self._used.address

    # --- out ---------------------------------------------------------------------------------------

    def send(self, datagram: bytes) -> None:
        """Dropped as long as there is no address."""
        if self._used is not None:
            self._used.base.datagrams.transmit(datagram, self._used.address)

    def transmit(self, packets: Iterable[bytes]) -> None:
        """Seals RTP packets and sends them, as by `send`, together as far as they can be."""
        if self._used is None or self.silent:
            return
        transmit_run, address = self._used.base.datagrams.transmit_run, self._used.address
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

    # --- in ----------------------------------------------------------------------------------------

    def heard(self) -> None:
        """The datagram just received was valid."""
        self.heard_at = self._clock()
        if self._from is self._used:
            self._used_at = self.heard_at
        elif self._from is not None and self._from.nominated and self._unheard:
            self._go(self._from)

    @property
    def _unheard(self) -> bool:
        return self.heard_at - self._used_at > UNHEARD_SECONDS

    def alive_at(self, address: Address) -> bool:
        return address == self.address and self._clock() - self.heard_at < ALIVE_SECONDS

    def arrived(self, base: "Base", datagram: bytes, address: Address) -> None:
        used = self._used
        if used is not None and used.address == address and used.base is base:
            pair = used
        else:
            found = self._pair(base, address)
            if found is None:
                return
            pair = found
            self._came(pair, len(datagram))
        if self._used is None:
            self._held.append((pair, datagram))
        else:
            self._from = pair
            self._receive(datagram)

    def check(self, base: "Base", address: Address, *, nominates: bool, spare: int) -> None:
        """A signed check came, `spare` bytes longer than its answer."""
        self.checked_at = self._clock()
        pair = self._pair(base, address) or self._learned(base, address)
        base.by_address[address] = self
        if nominates:
            pair.nominated = True
            self._go(pair)
        self._came(pair, spare)

    def answer(self, base: "Base", address: Address, datagram: bytes) -> None:
        """What may be the answer to a check of ours. Raises: MalformedStun."""
        pair = self._pair(base, address)
        if pair is not None and pair.asked:
            transaction, _ = read_binding_response(datagram, password=self._remote.password)
            pair.answered = pair.answered or transaction == pair.asked
            if pair is self._wanted:
                self._go(pair)

    def forget(self) -> None:
        """Nothing is listened to any more, and nobody called."""
        for pair in list(self._pairs):
            self._drop(pair)
        self._seal = _sealed_by_nobody
        self._receive = lambda _: None
        self.rest = lambda: None

    @property
    def known(self) -> tuple[Address, ...]:
        return tuple(pair.address for pair in self._pairs)

    # --- pairs -------------------------------------------------------------------------------------

    def _pair(self, base: "Base", address: Address) -> Pair | None:
        for pair in self._pairs:
            if pair.address == address and pair.base is base:
                return pair
        return None

    def _learned(self, base: "Base", address: Address) -> Pair:
        if len(self._pairs) == KNOWN_ADDRESSES:
            self._drop(next(pair for pair in self._pairs if pair not in (self._used, self._wanted)))
        pair = Pair(base, address)
        self._pairs.append(pair)
        return pair

    def _drop(self, pair: Pair) -> None:
        self._pairs.remove(pair)
        if pair.base.by_address.get(pair.address) is self:
            del pair.base.by_address[pair.address]

    def _go(self, pair: Pair) -> None:
        """It is to be sent to, at once or as soon as it has answered."""
        if pair is self._used:
            self._wanted = None
        elif not pair.answered:
            self._wanted = pair
        else:
            self._used, self._wanted, self._used_at = pair, None, self._clock()
            while self._held:
                self._from, datagram = self._held.popleft()
                self._receive(datagram)

    def _came(self, pair: Pair, size: int) -> None:
        """So many bytes more may go there: once they suffice, it is asked, and again until it has answered."""
        if pair.answered:
            return
        pair.spare = min(pair.spare + size, MOST_SPARE)
        if pair is not self._wanted:
            return
        if not pair.request:
            pair.asked, pair.request = write_binding_request(
                local=self.ufrag,
                remote=self._remote.ufrag,
                password=self._remote.password,
                nominates=False,
                controlling=False,
            )
        if pair.spare >= len(pair.request):
            pair.spare -= len(pair.request)
            pair.base.datagrams.transmit(pair.request, pair.address)


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
        *,
        remote: Credentials,
        seal: Seal = _sealed_by_nobody,
        rest: Callable[[], None] = lambda: None,
    ) -> Endpoint:
        endpoint = Endpoint(self, remote=remote, receive=receive, seal=seal, rest=rest)
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
                self._stun(datagram, endpoint, address)
            elif endpoint is not None and datagram:
                endpoint.arrived(self, datagram, address)
        except Exception:  # whatever one datagram breaks stays with its sender, and the others are heard
            log.exception("a datagram of %s was dropped", address)

    def _rest(self, endpoint: Endpoint) -> None:
        try:
            endpoint.rest()
        except Exception:  # as above
            log.exception("packets of %s were dropped", endpoint.address)

    def _stun(self, datagram: bytes, known: Endpoint | None, address: Address) -> None:
        with suppress(MalformedStun):
            if not is_binding_request(datagram):
                if known is not None:
                    known.answer(self, address, datagram)
                return
            request = read_binding_request(datagram)
            endpoint = self._agent.by_ufrag.get(request.local)
            if endpoint is not None and request.signed_with(endpoint.password):
                self._checked(endpoint, request, address, len(datagram))

    def _checked(self, endpoint: Endpoint, request: BindingRequest, address: Address, size: int) -> None:
        holder = self.by_address.get(address, endpoint)
        if holder is not endpoint and holder.alive_at(address):
            return
        response = write_binding_response(request, address=address[:2], password=endpoint.password)
        if len(response) <= size:
            self.datagrams.transmit(response, address)
            spare = size - len(response)
            endpoint.check(self, address, nominates=request.nominates, spare=spare)


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
