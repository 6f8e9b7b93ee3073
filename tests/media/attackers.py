"""What attackers of the relay send, and the pair of bystanders who must not notice.

Everything is drawn from a seeded `random.Random`. Messages are broken where their structure is: attributes, lengths,
counts and chunks, and not only bytes anywhere.
"""

import asyncio
import contextlib
import hashlib
import hmac
import itertools
import select
import socket
import struct
import zlib

from bare_page import until
from house import floor, flushed, opened

from media.channels import Kind
from media.control import Joined, Levels, Lined, Pictured
from media.outlet import Outlet

GIANT = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFC, 0xFFFF)

# --- messages, broken ------------------------------------------------------------------------------


def flipped(data, seeded):
    broken = bytearray(data)
    for _ in range(seeded.randrange(1, 5)):
        broken[seeded.randrange(len(broken))] ^= 1 << seeded.randrange(8)
    return bytes(broken)


def cut(data, seeded):
    return data[: seeded.randrange(len(data))]


def miscounted(data, seeded):
    """A byte or a word of it says something else: a length, a count, a type."""
    at, value = seeded.randrange(len(data) - 1), seeded.choice(GIANT)
    if seeded.random() < 0.5:
        return data[:at] + bytes([value & 0xFF]) + data[at + 1 :]
    return data[:at] + struct.pack("!H", value) + data[at + 2 :]


def rearranged(data, seeded):
    """Words of it are repeated, swapped, or stand elsewhere."""
    words = [data[at : at + 4] for at in range(0, len(data), 4)]
    here, there = seeded.randrange(len(words)), seeded.randrange(len(words))
    choice = seeded.randrange(3)
    if choice == 0:
        words[here], words[there] = words[there], words[here]
    elif choice == 1:
        words[here:here] = [words[there]] * seeded.randrange(1, 9)
    else:
        words.insert(there, words.pop(here))
    return b"".join(words)


def lengthened(data, seeded):
    return data + seeded.randbytes(seeded.randrange(1, 60))


def broken(data, seeded, *, times=3):
    for _ in range(seeded.randrange(1, times + 1)):
        if len(data) > 4:
            data = seeded.choice((flipped, cut, miscounted, rearranged, lengthened))(data, seeded)
    return data


# --- STUN ------------------------------------------------------------------------------------------

USERNAME, INTEGRITY, PRIORITY, USE_CANDIDATE, CONTROLLING = 0x0006, 0x0008, 0x0024, 0x0025, 0x802A
REQUEST, INDICATION, RESPONSE, ERROR = 0x0001, 0x0011, 0x0101, 0x0111


def stun(attributes, *, password=None, kind=REQUEST, fingerprint=True, transaction=b"t" * 12):
    """A STUN message of these (type, value) pairs, signed with `password` if there is one (RFC 8489)."""

    def message(body, more):
        return struct.pack("!HHI12s", kind, len(body) + more, 0x2112A442, transaction) + body

    body = b"".join(attribute(number, value) for number, value in attributes)
    if password is not None:
        mac = hmac.new(password.encode(), message(body, 24), hashlib.sha1).digest()
        body += attribute(INTEGRITY, mac)
    if fingerprint:
        body += attribute(0x8028, struct.pack("!I", zlib.crc32(message(body, 8)) ^ 0x5354554E))
    return message(body, 0)


def attribute(number, value):
    return struct.pack("!HH", number, len(value)) + value + bytes(-len(value) % 4)


def check_of(ufrag, *more):
    return [(USERNAME, f"{ufrag}:x".encode()), (PRIORITY, bytes(4)), (CONTROLLING, bytes(8)), *more]


def odd_check(ufrag, seeded, *, nominates=0.5):
    """The attributes of a check with something wrong about them."""
    attributes = check_of(ufrag, *([(USE_CANDIDATE, b"")] if seeded.random() < nominates else []))
    odd = (
        (USERNAME, f"{ufrag}:".encode() + b"u" * seeded.choice((0, 1, 200, 513, 1500))),
        (USERNAME, seeded.randbytes(seeded.randrange(40))),
        (seeded.randrange(0x0026, 0x7FFF), seeded.randbytes(seeded.randrange(20))),
        (seeded.randrange(0x8000, 0xFFFF), seeded.randbytes(seeded.randrange(20))),
        (seeded.choice((0x0001, 0x0009, 0x000C, 0x0012, 0x0020, 0x0024, 0x802A)), seeded.randbytes(7)),
        (INTEGRITY, seeded.randbytes(20)),
    )
    for _ in range(seeded.randrange(3)):
        attributes.insert(seeded.randrange(len(attributes) + 1), seeded.choice(odd))
    if seeded.random() < 0.3:
        attributes += attributes * seeded.randrange(1, 4)
    if seeded.random() < 0.3:
        seeded.shuffle(attributes)
    return attributes


class Stranger:
    """A UDP socket at an address of its own, which counts what goes to the relay and what comes back."""

    def __init__(self, ice, host="127.0.0.1"):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.socket.setblocking(False)
        self.address = self.socket.getsockname()
        self.sent, self.received = 0, 0
        self._relay = ice.candidates[0]

    def send(self, data):
        with contextlib.suppress(BlockingIOError):
            self.socket.sendto(data, self._relay)
            self.sent += len(data)

    def look(self):
        """What has come since; it is counted."""
        got = []
        with contextlib.suppress(BlockingIOError):
            while True:
                got.append(self.socket.recv(4096))
        self.received += sum(map(len, got))
        return got


class Forged:
    """In the place of the relay's socket: datagrams that seem to come from anywhere, and what is sent where."""

    def __init__(self, real):
        self.real, self.arriving, self.sent = real, [], []

    def recvfrom(self, size):
        return self.arriving.pop(0) if self.arriving else self.real.recvfrom(size)

    def sendto(self, data, address):
        self.sent.append((bytes(data), address))
        return self.real.sendto(data, address)

    def __getattr__(self, name):
        return getattr(self.real, name)


async def drained(*pages):
    """Everything that has arrived at these pages is read: more than their sockets hold would be lost there."""
    sockets = [page.transport.get_extra_info("socket").fileno() for page in pages]
    while select.select(sockets, [], [], 0)[0]:  # noqa: ASYNC110 it is other readers that are waited for
        await asyncio.sleep(0)


# --- the scene -------------------------------------------------------------------------------------


class Scene:
    """A judge and a witness, who go on talking and must not notice; and an attacker, who has a place too."""

    def __init__(self, house):
        self.house = house
        self.ice = house.ice
        self.strangers = []
        self._numbers = itertools.count(1)

    async def begin(self, **offer):
        self.house.conduct(*floor("judge", "witness", "attacker"), armed=True)
        self.judge = await self.house.page("judge")
        self.witness = await self.house.page("witness")
        self.attacker = await self.house.page("attacker", **offer)
        self.peers = self.house.room._fanout.peers
        self._before = self._of_bystanders()
        self._told = len(self.house.sent)
        await self.unharmed()
        return self

    @property
    def mean(self):
        """The attacker's peer in the relay."""
        return self.peers["attacker"]

    def stranger(self, host="127.0.0.1"):
        self.strangers.append(Stranger(self.ice, host))
        return self.strangers[-1]

    def _of_bystanders(self):
        pages = {"judge": self.judge, "witness": self.witness}
        return {
            place: (
                self.peers[place]._endpoint.address == page.transport.get_extra_info("sockname"),
                dict(self.peers[place].on_lines),
                self.peers[place].downlink.proven,
                self.peers[place].closed or page.closed,
            )
            for place, page in pages.items()
        }

    def line_of(self, place, listener):
        lines = self.peers[listener].on_lines
        return next(line for line, who in lines.items() if who == place)

    async def unharmed(self):
        """Sound and picture of the bystanders still reach each other; nothing of theirs is other than before."""
        await drained(self.judge, self.witness, self.attacker)
        await flushed(self.attacker)
        for page, other, listener in (
            (self.witness, self.judge, ("witness", "judge")),
            (self.judge, self.witness, ("judge", "witness")),
        ):
            tag = b"still here %d" % next(self._numbers)
            page.say(tag)
            page.show(tag=tag)
            line = self.line_of(*listener)
            for kind in ("audio", "camera"):
                await until(
                    lambda other=other, kind=kind, line=line, tag=tag: any(
                        packet.payload.endswith(tag) for packet in other.heard(kind, line)[-40:]
                    ),
                    what=f"{kind} of {listener[0]} at {listener[1]}",
                )
        assert self._of_bystanders() == self._before
        self.house.room._looked_at = 0.0
        self.house.room.tick()
        told = [fact for fact in self.house.facts if getattr(fact, "place", "") in ("judge", "witness")]
        assert [(type(fact), fact.place) for fact in told] == [(Joined, "judge"), (Joined, "witness")]
        for each in self.house.sent[self._told :]:
            if isinstance(each, Lined) and each.place != "attacker":
                assert dict(each.lines) == self.peers[each.place].on_lines
            if isinstance(each, Pictured) and each.place != "attacker":
                assert {place for place, _ in each.without} <= {"attacker"}
        levels = [each.audio for each in self.house.sent if isinstance(each, Levels)]
        assert all(audio.keys() <= {"judge", "witness", "attacker"} for audio in levels)

    def heard_of_attacker(self, kind="audio"):
        return self.judge.heard(kind, self.line_of("attacker", "judge"))

    def outlet_to(self, listener, place, kind) -> Outlet:
        return self.peers[listener].outlet(Kind(kind), self.line_of(place, listener))


@contextlib.asynccontextmanager
async def scene(offer=None, **settings):
    async with opened(**settings) as house:
        made = Scene(house)
        try:
            yield await made.begin(**(offer or {}))
        finally:
            for stranger in made.strangers:
                stranger.socket.close()
