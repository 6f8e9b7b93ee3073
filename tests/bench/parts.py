"""What is measured, part by part; each gives figures and prints nothing."""

import asyncio
import contextlib
import os
import socket
import sys
import time
from dataclasses import dataclass
from statistics import median

import browser
from keys import KEY
from load import (
    SERVER_CORE,
    Client,
    Counted,
    Load,
    busy_seconds,
    cpu_seconds,
    pinned,
    resident_mib,
    srtp_profile,
)
from served import Relay

from media.adapter import Dtls, DtlsFailed, Role
from media.control import RecordPlan
from media.recorder import milliseconds

WARM_UP_SECONDS = 2.0
QUIET, TRIES = 0.10, 3  # of the server's core may others use, or the run is made again, three times at most
LATE_SECONDS = 0.1  # a client that sends later than this did not keep up
FLOOR_ROUNDS, FLOOR_PACKETS = 40, 400
SOUND_MIX, PICTURE_MIX = 5, 12  # packets of each in a tenth of a second
STARVED = 0.45  # of the time that it needs, is what the worker is left while saturated
LOOPS = 8
PEOPLE = 6  # in one hearing of `growth`, and of `recording`
TURNS = 3  # off the record and on
SAMPLE_SECONDS, CHURN_SECONDS, WARM_UP_MINUTES = 10.0, 3.0, 3.0


def named(prefix, count):
    return [f"{prefix}{'abcdefghijklmnopqrstuvwxyz'[number]}" for number in range(count)]


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else float("nan")


# --- cost ----------------------------------------------------------------------------------------


async def filled(server, load, publishers, listeners):
    """Joins the clients of one room and lets them run until everything flows."""
    sources, takers = named("p", publishers), named("l", listeners)
    await server.open(*sources, *takers)
    for place in sources:
        await server.join(load, place, sends=True, lines=0)
    for place in takers:
        await server.join(load, place, sends=False, lines=publishers)
    load.begin()
    await load.send(WARM_UP_SECONDS)


@dataclass
class Cost:
    """Of one run; CPU in seconds, `client` and `others` as shares of a core, `late` in seconds; `ended`:
    connections that the server gave up.
    """

    counted: Counted
    expected: int
    seconds: float
    cpu: float
    client: float
    others: float
    late: float
    ended: int
    profile: str

    @property
    def each(self):
        """Microseconds a packet received."""
        return 1e6 * self.cpu / max(1, self.counted.datagrams)

    @property
    def share(self):
        """Of the server's core."""
        return self.cpu / self.seconds

    @property
    def lost(self):
        return self.expected - sum(self.counted.received.values())


async def measured(load, pid, listeners, seconds):
    """Sends for `seconds`, drains, and counts everything of the run and nothing else."""
    before, mine, begin = load.counted(), time.process_time(), time.monotonic()
    busy, cpu = busy_seconds(SERVER_CORE), cpu_seconds(pid)
    await load.send(seconds)
    cpu = cpu_seconds(pid) - cpu
    busy, passed = busy_seconds(SERVER_CORE) - busy, time.monotonic() - begin
    counted = load.counted().since(before)
    return Cost(
        counted,
        sum(counted.sent.values()) * listeners,
        seconds,
        cpu,
        (time.process_time() - mine) / passed,
        max(0.0, busy - cpu) / passed,
        load.late,
        load.ended,
        srtp_profile(load.clients[-1].dtls),
    )


async def cost(make, publishers, listeners, seconds):
    """The run during which others used the server's core least, of as many as it takes."""
    async with make() as server, Load() as load:
        await filled(server, load, publishers, listeners)
        runs = []
        while len(runs) < TRIES and not (runs and runs[-1].others <= QUIET):
            runs.append(await measured(load, server.pid, listeners, seconds))
        return min(runs, key=lambda run: run.others)


# --- the floor -----------------------------------------------------------------------------------


async def secured():
    """Two ends of one association in memory: the server's, as the worker has one for each listener."""
    ends = []

    def end(role, other):
        def send(data):
            ends[other].receive(data)

        return Dtls(role=role, send=send, on_rtp=lambda _: None, on_rtcp=lambda _: None)

    server, client = end(Role.SERVER, 1), end(Role.CLIENT, 0)
    ends += [server, client]
    await asyncio.gather(server.start([client.fingerprint]), client.start([server.fingerprint]))
    return server, client


def mixed(sequence, count):
    """Packets as the worker writes them, header, extensions and payload, sound and picture in their proportion."""
    sizes = [100] * SOUND_MIX + [1106] * PICTURE_MIX
    packets = []
    for at in range(sequence, sequence + count):
        head = (
            b"\x90\x60" + (at & 0xFFFF).to_bytes(2, "big") + b"\0\0\0\1\0\0\0\1" + b"\xbe\xde\0\2" + bytes(8)
        )
        packets.append(head + bytes(sizes[at % len(sizes)]))
    return packets


@dataclass
class Floor:
    """Microseconds a packet, medians of the rounds: protect and sendto, and protect alone."""

    both: float
    protect: float
    profile: str


async def floor():
    with pinned(SERVER_CORE), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(("127.0.0.1", 0))
        sink.setblocking(False)
        address = sink.getsockname()
        server, client = await secured()
        times = {True: [], False: []}
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            protect, send = server.protect_rtp, out.sendto
            for number in range(2 * FLOOR_ROUNDS):
                packets = mixed(number * FLOOR_PACKETS, FLOOR_PACKETS)
                begin = time.thread_time_ns()
                if number % 2:
                    for packet in packets:
                        send(protect(packet), address)
                else:
                    for packet in packets:
                        protect(packet)
                times[bool(number % 2)].append((time.thread_time_ns() - begin) / FLOOR_PACKETS / 1000)
                with contextlib.suppress(BlockingIOError):
                    while True:
                        sink.recv(2048)
        profile = srtp_profile(server)
        await asyncio.gather(server.close(), client.close())
        return Floor(median(times[True]), median(times[False]), profile)


# --- delay ---------------------------------------------------------------------------------------


class Plain:
    """In the place of an association, for packets that nobody encrypts."""

    def __init__(self, client):
        self._on_rtp = lambda _: None
        self._client = client

    def protect_rtp(self, packet):
        return packet

    def protect_rtcp(self, compound):
        return compound

    def receive(self, datagram):
        if 128 <= datagram[0] <= 191 and not 192 <= datagram[1] <= 223:
            self._on_rtp(datagram)

    async def close(self):
        pass


ECHO = """
import socket, sys
bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
bound.bind(("127.0.0.1", int(sys.argv[1])))
to = ("127.0.0.1", int(sys.argv[2]))
while True:
    bound.sendto(bound.recv(2048), to)
"""


async def bare_delays(seconds):
    """Of the same packets through a process on the server's core that only receives and sends."""
    sender, taker = await Client.open(), await Client.open()
    sender.offer(lines=0, document=False, sends=("audio", "camera"))
    for client in (sender, taker):
        client.dtls = Plain(client)
        client.check = lambda: None
    taker.sends = ()
    for kind, ssrc in sender.ssrcs.items():
        taker.listen(ssrc, kind)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        sender.remote = taker.remote = free.getsockname()
    with pinned(SERVER_CORE):
        echo = await asyncio.create_subprocess_exec(
            sys.executable, "-c", ECHO, str(sender.remote[1]), str(taker.transport.getsockname()[1])
        )
    try:
        async with Load() as load:
            load.clients += [sender, taker]
            load.begin()
            await load.send(WARM_UP_SECONDS)
            taker.probe()
            await load.send(seconds)
            return taker.delays["audio"] + taker.delays["camera"]
    finally:
        echo.kill()
        await echo.wait()


async def delays(publishers, listeners, seconds):
    """Seconds that packets took to the listener that joined last, who is served last, by kind."""
    async with Relay() as relay, Load() as load:
        await filled(relay, load, publishers, listeners)
        load.clients[-1].probe()
        await load.send(seconds)
        return load.clients[-1].delays, load.late


# --- joining -------------------------------------------------------------------------------------


@dataclass
class Joins:
    """Seconds from sending the offer: to the connection, to the first whole key frame, to those of all lines."""

    connected: list
    first: list
    all: list


async def joins(publishers, count):
    async with Relay() as relay, Load() as load:
        await filled(relay, load, publishers, 2)
        load.start()
        found = Joins([], [], [])
        for number in range(count):
            await asyncio.sleep(1.0 + number * 0.618 % 1)
            client, pictures = await Client.open(), []
            client.watch(lambda _, pictures=pictures: pictures.append(time.monotonic()))
            await relay.join(load, "la", sends=False, lines=publishers, client=client)
            found.connected.append(time.monotonic() - client.offered_at)
            client.begin()
            async with asyncio.timeout(15):
                while len(pictures) < publishers:  # noqa: ASYNC110 filled by the load's clock
                    await asyncio.sleep(0.002)
            found.first.append(pictures[0] - client.offered_at)
            found.all.append(pictures[-1] - client.offered_at)
            load.clients.remove(client)
            await client.close()
        return found


async def joins_of_chromium(count):
    """Seconds from a browser's sending its offer to its first decoded frame. Raises: ToolMissing."""
    async with Relay() as relay:
        return await browser.joins(relay, count)


# --- growth --------------------------------------------------------------------------------------


@dataclass
class Grown:
    """So many hearings at once: the run, and the worker's memory in MiB."""

    hearings: int
    run: Cost
    resident: float
    idle: float

    @property
    def carried(self):
        return self.run.lost <= 0.001 * self.run.expected and self.run.share < 0.95


async def growth(steps, seconds, on_step):
    """Hearings of six people who all send and receive; ends where the worker no longer keeps up."""
    async with Relay() as relay, Load() as load:
        idle = resident_mib(relay.pid)
        hearings = 0
        for wanted in steps:
            while hearings < wanted:
                hearings += 1
                await _join_hearing(relay, load, f"h{hearings}")
            load.begin()
            await load.send(WARM_UP_SECONDS)
            run = await measured(load, relay.pid, PEOPLE - 1, seconds)
            grown = Grown(hearings, run, resident_mib(relay.pid), idle)
            on_step(grown)
            if not grown.carried:
                return


async def _join_hearing(relay, load, hearing):
    places = named("m", PEOPLE)
    await relay.open(*places, hearing=hearing)
    for place in places:
        await relay.join(load, place, sends=True, lines=PEOPLE - 1, hearing=hearing)


# --- recording -----------------------------------------------------------------------------------


@dataclass
class Recorded:
    """CPU seconds of the worker for a minute of one hearing of six, off the record and on it; packets lost, likewise."""

    off: float
    on: float
    lost_off: int
    lost_on: int

    @property
    def ratio(self):
        return self.on / self.off


async def recording(seconds):
    """By turns off the record and on, in one run: the recorder is armed and meters sound all the while."""
    places = named("m", PEOPLE)
    tracks = [f"{place:a<8}-{kind}" for place in places for kind in ("audio", "camera")]
    async with Relay() as relay, Load() as load:
        await relay.open(*places, armed=True)
        for place in places:
            await relay.join(load, place, sends=True, lines=PEOPLE - 1)
        load.begin()
        await load.send(WARM_UP_SECONDS)
        off, on = [], []
        for turn in range(1, TURNS + 1):
            off.append(await measured(load, relay.pid, PEOPLE - 1, seconds))
            plan = RecordPlan(stretch=turn, since=milliseconds(), tracks=tracks, key=KEY)
            await relay.open(*places, armed=True, record=plan)
            on.append(await measured(load, relay.pid, PEOPLE - 1, seconds))
            ended = plan.model_copy(update={"until": milliseconds()})
            await relay.open(*places, armed=True, record=ended)
            await relay.kept(turn)
            await relay.open(*places, armed=True)
        spent = [60 * median(run.share for run in runs) for runs in (off, on)]
        return Recorded(*spent, *(sum(run.lost for run in runs) for runs in (off, on)))


# --- saturation ----------------------------------------------------------------------------------


@contextlib.contextmanager
def busy_loops(count):
    """So many processes that never rest, on the server's core, at the usual priority."""
    with pinned(SERVER_CORE):
        loops = [
            os.posix_spawn(sys.executable, [sys.executable, "-c", "while True: pass"], os.environ)
            for _ in range(count)
        ]
    try:
        yield
    finally:
        for pid in loops:
            os.kill(pid, 9)
            os.waitpid(pid, 0)


@dataclass
class Shed:
    """What a starved worker delivered. `need`, `got`: shares of its core, for everything and while starved. `lost`:
    packets of sound, by listener. `delays`: of sound and pictures at one listener, in seconds. `ended`:
    connections that it gave up.
    """

    loops: int
    need: float
    got: float
    counted: Counted
    listeners: int
    lost: dict
    delays: dict
    ended: int

    def expected(self, kind):
        return self.counted.sent[kind] * self.listeners

    @property
    def suffices(self):
        """What it got is enough for the sound alone."""
        return self.got >= self.need * self.expected("audio") / (
            self.expected("audio") + self.expected("camera")
        )


async def saturation(publishers, listeners, seconds):
    async with Relay() as relay, Load() as load:
        await filled(relay, load, publishers, listeners)
        usual = await measured(load, relay.pid, listeners, 2.0)
        need = usual.each * 1e-6 * usual.expected / usual.seconds
        loops = next(
            count for count in range(1, LOOPS + 1) if 1 / (count + 1) <= STARVED * need or count == LOOPS
        )
        load.clients[-1].probe()
        before, each = load.counted(), load.received_by_each("audio")
        with busy_loops(loops):
            cpu, begin = cpu_seconds(relay.pid), time.monotonic()
            load.start()
            await asyncio.sleep(seconds)
            got = (cpu_seconds(relay.pid) - cpu) / (time.monotonic() - begin)
            for client in load.clients:
                client.stop()
        await load.stop(quiet=50)
        counted = load.counted().since(before)
        lost = dict.fromkeys((name for name, _ in each), counted.sent["audio"])
        for (name, ssrc), count in load.received_by_each("audio").items():
            lost[name] -= count - each[name, ssrc]
        delays = load.clients[-1].delays
        return Shed(loops, need, got, counted, listeners, lost, delays, load.ended)


# --- soak ----------------------------------------------------------------------------------------


@dataclass
class Soaked:
    """`samples`: (seconds, MiB); `slope` in MiB an hour, by least squares."""

    samples: list
    joins: int
    failed: int

    @property
    def slope(self):
        times, sizes = zip(*self.samples, strict=True)
        middle, mean = sum(times) / len(times), sum(sizes) / len(sizes)
        across = sum((at - middle) * (size - mean) for at, size in self.samples)
        return 3600 * across / sum((at - middle) ** 2 for at in times)


async def soak(minutes, on_sample):
    """One hearing of six, one of whom leaves and comes back every three seconds, listeners and senders in turn.
    Sampled for `minutes` after a warm-up, in which everybody has come back several times.
    """
    async with Relay() as relay, Load() as load:
        places = named("m", PEOPLE)
        await relay.open(*places)
        for place in places:
            await relay.join(load, place, sends=True, lines=PEOPLE - 1)
        load.begin()
        load.start()
        begin, soaked = time.monotonic(), Soaked([], 0, 0)
        sample_at = begin + 60 * WARM_UP_MINUTES
        while time.monotonic() - begin < 60 * (WARM_UP_MINUTES + minutes):
            await asyncio.sleep(CHURN_SECONDS)
            await _come_back(relay, load, places[soaked.joins % PEOPLE], soaked)
            if time.monotonic() >= sample_at:
                sample_at += SAMPLE_SECONDS
                soaked.samples.append((time.monotonic() - begin, resident_mib(relay.pid)))
                on_sample(soaked)
        return soaked


async def _come_back(relay, load, place, soaked):
    """One leaves and joins anew; who does not get in within 15 seconds is counted, and tries at the next turn."""
    soaked.joins += 1
    for client in [each for each in load.clients if each.name.endswith(f"/{place}")]:
        load.clients.remove(client)
        await client.close()
    try:
        client = await relay.join(load, place, sends=True, lines=PEOPLE - 1)
    except (ConnectionError, DtlsFailed):
        soaked.failed += 1
        return
    client.begin(phase=soaked.joins * 0.618 % 1)
    client.start(time.monotonic())
