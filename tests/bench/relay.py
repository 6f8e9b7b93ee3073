"""What the relay costs, adds and holds, beside its targets, in one run on one machine.

    python tests/bench/relay.py [--only cost,floor,saturation] [--seconds 8]

Server and clients have a core each. The server is the real worker process; the clients (`load`) behave as
browsers do as far as it costs a server. Sound is 50 packets a second of 100 bytes, a picture 30 frames of
4 packets of 1100 bytes, a key frame every two seconds.

    cost        CPU time of the worker for each RTP packet that a listener received, at three sizes
    floor       SRTP protection and sendto of the same packets alone, on the worker's core
    janus       the same load and clients on Janus VideoRoom, where it is installed
    saturation  the worker starved by busy loops on its core: what is shed, and whether sound is
"""

import argparse
import asyncio
import contextlib
import os
import socket
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "media"), str(ROOT / "tests" / "bench")]

import janus  # noqa: E402
import network  # noqa: E402
from bare_page import until  # noqa: E402
from load import (  # noqa: E402
    CLIENT_CORE,
    SERVER_CORE,
    Client,
    Counted,
    Load,
    busy_seconds,
    cpu_seconds,
    pinned,
    srtp_profile,
)
from test_worker import Conductor  # noqa: E402

from media.adapter import Dtls, Role  # noqa: E402
from media.control import Answered, Offered  # noqa: E402

SIZES = ((2, 10), (4, 16), (8, 16))
WARM_UP_SECONDS = 2.0
STARVED = 0.45  # of the time that it needs, is what the worker is left while saturated
FLOOR_ROUNDS, FLOOR_PACKETS = 60, 400
SOUND_MIX, PICTURE_MIX = 5, 12  # packets of each in a tenth of a second


def say(text=""):
    print(text, flush=True)


# --- the worker under load -----------------------------------------------------------------------


class Relay:
    """The worker process on its core, and joining it: `async with Relay() as relay`."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory()
        self._conductor = Conductor(Path(self._folder.name))

    async def __aenter__(self):
        await self._conductor.listen()
        with pinned(SERVER_CORE):
            await self._conductor.start()
        return self

    async def __aexit__(self, *_):
        self._conductor.acknowledges = False
        await self._conductor.stop()
        await self._conductor.close()
        self._folder.cleanup()

    @property
    def pid(self):
        return self._conductor.process.pid

    async def open(self, *places, hearing="h1"):
        self._conductor.conduct(*places, hearing=hearing)

    async def join(self, load, place, *, sends, lines, hearing="h1"):
        client = await Client.open()
        client.name = f"{hearing}/{place}"
        load.clients.append(client)
        sdp = client.offer(lines=lines, document=False, sends=("audio", "camera") if sends else ())
        said = self._conductor.said[-1]
        connection = client.ufrag
        self._conductor.send(Offered(hearing=hearing, place=place, connection=connection, sdp=sdp))

        def answered():
            return [each for each in said if isinstance(each, Answered) and each.connection == connection]

        await until(answered, what=f"an answer to {place}")
        await client.connect(answered()[-1].sdp)
        return client


def named(prefix, count):
    return [f"{prefix}{'abcdefghijklmnopqrstuvwxyz'[number]}" for number in range(count)]


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
    """Of one run; CPU in seconds, shares of one core, `late` in seconds."""

    counted: Counted
    expected: int
    seconds: float
    cpu: float
    client: float
    others: float
    late: float
    profile: str

    @property
    def each(self):
        """Microseconds a packet received."""
        return 1e6 * self.cpu / max(1, self.counted.datagrams)

    def line(self, name):
        counted = self.counted
        sent, received = sum(counted.sent.values()), sum(counted.received.values())
        lost = self.expected - received
        return (
            f"{name:<18}{self.each:6.1f} µs a packet   {sent} sent, {received} of {self.expected} received"
            f" ({lost} lost, {counted.repeats} repeats), {100 * self.cpu / self.seconds:.0f} % of a core;"
            f" client {100 * self.client:.0f} %, latest send {1000 * self.late:.0f} ms late;"
            f" others on the server's core {100 * self.others:.0f} %; {self.profile}"
        )


async def measured(load, pid, listeners, seconds):
    """Sends for `seconds`, drains, and counts; everything of the run and nothing else."""
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
        srtp_profile(load.clients[-1].dtls),
    )


async def cost_of(make, publishers, listeners, seconds):
    async with make() as server, Load() as load:
        await filled(server, load, publishers, listeners)
        return await measured(load, server.pid, listeners, seconds)


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


def mixed():
    """Packets of a tenth of a second, as the worker writes them: header, extensions, payload."""
    head = b"\x90\x60%s\0\0\0\1\0\0\0\1" + b"\xbe\xde\0\2" + bytes(8)
    sizes = [100] * SOUND_MIX + [1106] * PICTURE_MIX
    return [(head, bytes(size)) for size in sizes]


async def floor():
    """Microseconds of protect + sendto a packet, as (both, protect alone, SRTP profile): medians of rounds."""
    with pinned(SERVER_CORE):
        server, client = await secured()
        with contextlib.ExitStack() as stack:
            sink = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sink.bind(("127.0.0.1", 0))
            sink.setblocking(False)
            out = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            address = sink.getsockname()
            parts, sequence = mixed(), 0
            both, alone = [], []
            for number in range(2 * FLOOR_ROUNDS):
                packets = []
                for at in range(FLOOR_PACKETS):
                    sequence += 1
                    head, payload = parts[at % len(parts)]
                    packets.append(head.replace(b"%s", (sequence & 0xFFFF).to_bytes(2, "big")) + payload)
                protect, send = server.protect_rtp, out.sendto
                begin = time.thread_time_ns()
                if number % 2:
                    for packet in packets:
                        send(protect(packet), address)
                else:
                    for packet in packets:
                        protect(packet)
                taken = (time.thread_time_ns() - begin) / FLOOR_PACKETS / 1000
                (both if number % 2 else alone).append(taken)
                with contextlib.suppress(BlockingIOError):
                    while True:
                        sink.recv(2048)
        profile = srtp_profile(server)
        await asyncio.gather(server.close(), client.close())
    return median(both), median(alone), profile


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
    """Packets expected and received by all listeners; `worst`: sound lost by the one who lost most; `delays`
    of sound at one listener, in seconds.
    """

    loops: int
    need: float
    got: float
    sent: dict
    expected: dict
    received: dict
    worst: int
    listeners_hurt: int
    delays: list

    @property
    def audio_lost(self):
        return self.expected["audio"] - self.received["audio"]


async def saturation(publishers, listeners, seconds):
    async with Relay() as relay, Load() as load:
        await filled(relay, load, publishers, listeners)
        usual = await measured(load, relay.pid, listeners, 2.0)
        need = usual.cpu / usual.seconds
        count = 1
        while 1 / (count + 1) > STARVED * need:
            count += 1
        before, each = load.counted(), load.received_by_each("audio")
        load.clients[-1].probe()
        with busy_loops(count):
            cpu, begin = cpu_seconds(relay.pid), time.monotonic()
            load.start()
            await asyncio.sleep(seconds)
            got = (cpu_seconds(relay.pid) - cpu) / (time.monotonic() - begin)
            for client in load.clients:
                client.stop()
        await load.stop(quiet=1.0, at_most=15.0)
        counted, after = load.counted().since(before), load.received_by_each("audio")
        expected = {kind: sent * listeners for kind, sent in counted.sent.items()}
        share = counted.sent["audio"] // publishers
        lost = {name: 0 for name, _ in after}
        for key, count_now in after.items():
            lost[key[0]] += share - (count_now - each[key])
        return Shed(
            count,
            need,
            got,
            counted.sent,
            expected,
            counted.received,
            max(lost.values()),
            sum(1 for value in lost.values() if value > 0),
            sorted(load.clients[-1].delays),
        )


# --- the run -------------------------------------------------------------------------------------


def percentile(ordered, percent):
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else float("nan")


def met(value, target, unit, form="{:.1f}"):
    if value <= target:
        return "met"
    return f"missed by {form.format(value - target)} {unit}"


class Run:
    """The parts that were asked for, their figures, and the table at the end."""

    def __init__(self, only, seconds):
        self._only, self._seconds = only, seconds
        self._rows = []
        self._costs = {}
        self._floor = None

    def row(self, name, figure, target="", verdict=""):
        self._rows.append((name, figure, target, verdict))

    def wants(self, part):
        return not self._only or part in self._only

    async def all(self):
        if self.wants("floor"):
            await self.floor()
        if self.wants("cost"):
            await self.cost()
        if self.wants("janus"):
            await self.janus()
        if self.wants("saturation"):
            await self.saturation()
        say()
        widths = [max((len(row[at]) for row in self._rows), default=0) for at in range(3)]
        for row in self._rows:
            say("  ".join(cell.ljust(width) for cell, width in zip(row, [*widths, 0], strict=True)).rstrip())

    async def floor(self):
        both, alone, profile = await floor()
        self._floor = both
        say(
            f"floor             {both:6.1f} µs a packet   protect {alone:.1f}, sendto {both - alone:.1f}; {profile}"
        )
        self.row("floor: protect and sendto", f"{both:.1f} µs a packet")

    async def cost(self):
        for publishers, listeners in SIZES:
            name = f"{publishers}×{listeners}"
            cost = await cost_of(Relay, publishers, listeners, self._seconds)
            self._costs[name] = cost.each
            say(cost.line(f"relay {name}"))
            if self._floor:
                ratio = cost.each / self._floor
                self.row(
                    f"relay {name}",
                    f"{cost.each:.1f} µs a packet, {ratio:.2f} × floor",
                    "≤ 2 × floor",
                    met(ratio, 2, "× floor", "{:.2f}"),
                )
            else:
                self.row(f"relay {name}", f"{cost.each:.1f} µs a packet")

    async def janus(self):
        if not janus.installed():
            say(f"Janus is not installed here, so nothing is compared with it: {janus.INSTALL}")
            self.row("Janus", "not installed", "≤ 0.4 × Janus", "not measured")
            return
        if not network.inside():
            say("No network of its own could be made (unshare, ip), and Janus takes no loopback address.")
            self.row("Janus", "no network for it", "≤ 0.4 × Janus", "not measured")
            return
        say(f"Janus {janus.version()}")
        for publishers, listeners in SIZES:
            name = f"{publishers}×{listeners}"
            cost = await cost_of(janus.Janus, publishers, listeners, self._seconds)
            say(cost.line(f"Janus {name}"))
            self.row(f"Janus {name}", f"{cost.each:.1f} µs a packet")
            if name in self._costs:
                ratio = self._costs[name] / cost.each
                target = 0.4 if (publishers, listeners) == SIZES[-1] else None
                self.row(
                    f"relay against Janus {name}",
                    f"{ratio:.2f} × Janus",
                    "≤ 0.4 × Janus" if target else "",
                    met(ratio, target, "× Janus", "{:.2f}") if target else "",
                )

    async def saturation(self):
        publishers, listeners = SIZES[-1]
        shed = await saturation(publishers, listeners, 1.5 * self._seconds)
        say(
            f"saturation {publishers}×{listeners}   needs {100 * shed.need:.0f} % of the core and got "
            f"{100 * shed.got:.0f} % beside {shed.loops} busy loop(s); sound {shed.received['audio']} of "
            f"{shed.expected['audio']} received, the worst listener lost {shed.worst}, {shed.listeners_hurt} of "
            f"{listeners} lost any, delayed by {1000 * percentile(shed.delays, 50):.0f} ms (median), "
            f"{1000 * percentile(shed.delays, 99):.0f} ms (99th percentile); pictures {shed.received['camera']} of {shed.expected['camera']}"
        )
        shown = 100 * shed.received["camera"] / shed.expected["camera"]
        self.row(
            "sound lost while starved",
            f"{shed.audio_lost} of {shed.expected['audio']} packets, pictures received {shown:.0f} %",
            "0",
            met(shed.audio_lost, 0, "packets", "{:.0f}"),
        )


PARTS = ("floor", "cost", "janus", "saturation")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default="", help=f"parts, with commas: {','.join(PARTS)}")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each run that is measured")
    arguments = parser.parse_args()
    only = {part for part in arguments.only.split(",") if part}
    if only - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(only - set(PARTS)))}")
    network.enter()
    os.sched_setaffinity(0, {CLIENT_CORE})
    if SERVER_CORE == CLIENT_CORE:
        say("one core only: server and clients share it, and figures are worth little")
    asyncio.run(Run(only, arguments.seconds).all())


if __name__ == "__main__":
    main()
