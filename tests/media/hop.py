"""A bad network between a client and the relay, on loopback: loses, holds back, reorders and narrows.

    async with Hop(to=address, down=Road(rate=500_000, delay=0.05, loss=0.02)) as hop:
        await page.connect(hop.lead(answer))    # or hop.address, wherever a client takes an address
        hop.down.road = Road(loss=1.0)          # at any time
        hop.up.passed, hop.up.lost, hop.up.overflowed

`up` is towards the relay. Which datagrams are lost, late or overtaken is decided by the seed alone, so two runs
with the same datagrams lose the same ones. The relay sees each client at an address of its own. Times are kept
to about a millisecond; nothing is awaited, no thread is used.
"""

import asyncio
import contextlib
import heapq
import itertools
import random
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

Address = tuple[str, int]

HEADERS = 28  # bytes of IP and UDP, which the rate counts too
LARGEST = 65_536
DRAINED_AT_ONCE = 64
BUFFER_BYTES = 4 * 1024 * 1024
_SO_RCVBUFFORCE = 33  # Linux, with CAP_NET_ADMIN
_CANDIDATE = re.compile(r"(a=candidate:\S+ \d+ \S+ \d+) \S+ \d+ ")


@dataclass(frozen=True, slots=True)
class Road:
    """How one direction is. Every field may be left out; then it does nothing.

    `loss`: a share, or what says of the n-th datagram (from 0) whether it is lost. `rate`: bit/s, with `burst`
    bytes free at first and `queue` bytes that may wait; more are dropped. `delay`: seconds; `jitter`: up to so
    many more, in order still. `reorder`: the share that is held back `late` seconds more, and overtaken.
    """

    loss: float | Callable[[int], bool] = 0.0
    rate: float | None = None
    burst: int = 3_000
    queue: int = 64_000
    delay: float = 0.0
    jitter: float = 0.0
    reorder: float = 0.0
    late: float = 0.02


class TokenBucket:
    """A token bucket with a queue behind it, without a clock: tokens below nought are bytes that wait."""

    def __init__(self) -> None:
        self._tokens: float | None = None
        self._at = 0.0

    def take(self, size: int, now: float, road: Road) -> float | None:
        """When this datagram of `size` bytes leaves, or None if the queue has no room for it. `now` never falls."""
        if road.rate is None:
            self._tokens = None
            return now
        held = float(road.burst) if self._tokens is None else self._tokens
        held = min(road.burst, held + (now - self._at) * road.rate / 8)
        self._at, self._tokens = now, held
        if held - size < -road.queue:
            return None
        self._tokens = held - size
        return now + max(0.0, -self._tokens) * 8 / road.rate


class Way:
    """One direction, without sockets: decides of each datagram, and counts. `road` may be replaced at any time."""

    def __init__(self, road: Road, *, seed: int) -> None:
        self.road = road
        self.passed = self.lost = self.overflowed = 0
        self._chance = random.Random(seed)
        self._bucket = TokenBucket()
        self._number = itertools.count()
        self._last = 0.0

    def leaves(self, size: int, now: float) -> float | None:
        """When a datagram that comes `now` goes on, in the same clock, or None if it never does."""
        road, number = self.road, next(self._number)
        lot, wait, turn = (self._chance.random() for _ in range(3))
        if road.loss(number) if callable(road.loss) else lot < road.loss:
            self.lost += 1
            return None
        through = self._bucket.take(size + HEADERS, now, road)
        if through is None:
            self.overflowed += 1
            return None
        self.passed += 1
        at = through + road.delay + wait * road.jitter
        if turn < road.reorder:
            return at + road.late
        self._last = max(self._last, at)
        return self._last


class Hop:
    """Stands between clients and `to`; `address` is where clients send. `up` and `down` are its two ways."""

    def __init__(
        self, *, to: Address, up: Road | None = None, down: Road | None = None, seed: int = 0
    ) -> None:
        self.up = Way(up or Road(), seed=2 * seed)
        self.down = Way(down or Road(), seed=2 * seed + 1)
        self.address: Address = ("", 0)
        self._to = to
        self._beyond: dict[Address, socket.socket] = {}
        self._waiting: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._near = self._bound(self._came_from_client)
        self.address = self._near.getsockname()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for bound in (self._near, *self._beyond.values()):
            self._loop.remove_reader(bound)
            bound.close()

    def lead(self, sdp: str) -> str:
        """The description with this hop in the place of every candidate's address."""
        return _CANDIDATE.sub(rf"\1 {self.address[0]} {self.address[1]} ", sdp)

    def _bound(self, came: Callable[[bytes, Address], None]) -> socket.socket:
        bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        bound.setblocking(False)
        with contextlib.suppress(PermissionError):
            bound.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, BUFFER_BYTES)
        bound.bind(("127.0.0.1", 0))
        self._loop.add_reader(bound, self._drain, bound, came)
        return bound

    def _drain(self, bound: socket.socket, came: Callable[[bytes, Address], None]) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):  # nobody may be there yet, or any more
            for _ in range(DRAINED_AT_ONCE):
                came(*bound.recvfrom(LARGEST))

    def _came_from_client(self, datagram: bytes, client: Address) -> None:
        beyond = self._beyond.get(client)
        if beyond is None:
            beyond = self._beyond[client] = self._bound(
                lambda back, _: self._go(self.down, back, self._near, client)
            )
        self._go(self.up, datagram, beyond, self._to)

    def _go(self, way: Way, datagram: bytes, out: socket.socket, to: Address) -> None:
        at = way.leaves(len(datagram), self._loop.time())
        if at is not None:
            heapq.heappush(self._waiting, (at, next(self._numbers), lambda: out.sendto(datagram, to)))
            self._send_due()

    def _send_due(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting and self._waiting[0][0] <= self._loop.time():
            _, _, send = heapq.heappop(self._waiting)
            with contextlib.suppress(BlockingIOError, ConnectionError):
                send()
        if self._waiting:
            self._timer = self._loop.call_at(self._waiting[0][0], self._send_due)
