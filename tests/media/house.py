"""One room on its own socket, conducted by the test, with a recorder that only notes."""

import asyncio
import contextlib
import itertools

from bare_page import BarePage, until

from media.channels import Channel, Seat, table
from media.control import Answered, Declined, PeerPlan, RoomPlan
from media.ears import Deaf
from media.ice_lite import IceLite
from media.room import Room


class NotedRecorder:
    """Notes what it is given, and writes nothing."""

    def __init__(self, _folder, _report):
        self.armed = 0
        self.plans, self.packets, self.reports, self.reasons = [], [], [], []
        self.closed = False

    async def arm(self):
        self.armed += 1

    def conduct(self, record):
        self.plans.append(record)

    def rtp(self, track, data, at_us):
        self.packets.append((track, data))

    def rtcp(self, track, data, at_us):
        self.reports.append((track, data))

    def absent(self, track, reason):
        self.reasons.append((track, reason))

    def expect(self, ends):
        self.ends = ends

    def received(self):
        return {track: len(data) for track, data in self.packets}

    async def close(self):
        self.closed = True


class KeenEars:
    """Hears whatever does not say that it is silent; nothing once it is deaf."""

    def __init__(self):
        self.deaf = False

    async def prove(self):
        if self.deaf:
            raise Deaf("The sound cannot be listened to.")

    async def peaks(self, packets):
        await self.prove()
        return [0 if packet.startswith(b"silence") else 9000 for packet in packets]


class House:
    """One room on its own socket, conducted by the test."""

    def __init__(self, ice, **settings):
        self.facts, self.sent, self.recorder = [], [], None
        self.ice = ice
        self.ears = KeenEars()
        self.room = Room(
            "h1",
            ice=ice,
            ears=self.ears,
            report=self.facts.append,
            send=self.sent.append,
            recorder=self._make_recorder,
            **settings,
        )
        self.version = 0
        self.pages = []
        self.numbers = itertools.count()

    def _make_recorder(self, folder, report):
        self.recorder = NotedRecorder(folder, report)
        return self.recorder

    def plan(self, *seats, armed=False, record=None, allowed=None):
        self.version += 1
        handles = {seat.place: f"{seat.place:a<8}"[:8] for seat in seats}
        return RoomPlan(
            hearing="h1",
            version=self.version,
            folder="/nowhere",
            peers=[PeerPlan(place=place, handle=handle) for place, handle in handles.items()],
            allowed=sorted(table(seats, recorder=armed) if allowed is None else allowed),
            armed=armed,
            record=record,
        )

    def conduct(self, *seats, **more):
        self.room.conduct(self.plan(*seats, **more))

    def offer(self, place, sdp):
        connection = f"c{next(self.numbers)}"
        self.room.offered(place=place, connection=connection, sdp=sdp)
        return connection

    def answer(self, connection):
        answers = [
            each
            for each in self.sent
            if isinstance(each, Answered | Declined) and each.connection == connection
        ]
        assert isinstance(answers[0], Answered), answers
        return answers[0].sdp

    async def page(self, place, *, at="127.0.0.1", **offer):
        page = await BarePage.open(at)
        self.pages.append(page)
        connection = self.offer(place, page.offer(**offer))
        await page.connect(self.answer(connection))
        page.connection = connection
        await until(lambda: place in self.room._fanout.peers, what=f"{place} up")
        return page

    def of(self, kind):
        return [fact for fact in self.facts if isinstance(fact, kind)]


@contextlib.asynccontextmanager
async def opened(*, listen="127.0.0.1", **settings):
    ice = await IceLite.open(listen=listen)
    house = House(ice, **settings)

    async def tick():
        while True:
            house.room.tick()
            await asyncio.sleep(0.02)

    ticking = asyncio.create_task(tick())
    try:
        yield house
    finally:
        ticking.cancel()
        for page in house.pages:
            await page.close()
        await house.room.close()
        ice.close()


def floor(*places, **more):
    return [Seat(place=place, channel=Channel.FLOOR, **more) for place in places]


async def speak(pages, rounds=5):
    for _ in range(rounds):
        for page in pages:
            page.say()
            page.show(key=True)
        await asyncio.sleep(0.005)


async def flushed(*pages):
    """Everything sent until now has passed the relay: a check of each page came back after it."""
    for page in pages:
        before = len(page.checks)
        page.check()
        await until(lambda page=page, before=before: len(page.checks) > before, what="a check answered")
