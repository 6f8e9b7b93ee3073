"""Participants without browsers that cost a server what browsers cost it, many in one process.

Each has a socket, a DTLS-SRTP association and the timers of a browser: binding requests, receiver reports and
REMB from who receives, sender reports from who sends, NACK for what is missing and for one packet of pictures in
two hundred that is not, PLI when a picture stays broken, repeats and key frames when asked for them. Who
receives counts by what is in clear in SRTP (SSRC and sequence number) and decrypts nothing but RTCP. Reports
tell of a round trip of 40 ms: without one Janus keeps nothing that it could repeat.

The sockets are looked at every millisecond and never waited for: a `sendto` of the server does not pay for
waking its listener, as it would not if the listener were elsewhere.
"""

import asyncio
import contextlib
import os
import re
import socket
import struct
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from bare_page import IDS, OPUS, VP8, BarePage

from media.adapter import (
    RTCP_PSFB_PLI,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    is_binding_request,
    read_binding_response,
)
from media.rtcp import SenderFigures, nack, ntp_of, read_feedback, receiver_report, remb, sender_report
from media.rtp_header import AUDIO_LEVEL, MID, extension_block, read_rtp

SERVER_CORE, CLIENT_CORE = 0, max(os.sched_getaffinity(0))
LOOK_SECONDS = 0.001
SOUND_SECONDS, SOUND_TICKS, SOUND_BYTES = 0.02, 960, 100
FRAME_SECONDS, FRAME_TICKS = 1 / 30, 3000
FRAME_PARTS, PART_BYTES = 4, 1100
FRAMES_A_KEY = 60
PACKETS_A_SECOND = 1 / SOUND_SECONDS + FRAME_PARTS / FRAME_SECONDS
CHECK_SECONDS, REPORT_SECONDS, NACK_SECONDS = 2.5, 1.0, 0.02
ASK_TWICE_AFTER, GIVE_UP_AFTER, LARGEST_MISSING = 0.15, 1.0, 256
NEEDLESS_NACK_EVERY = 200
KEPT = 512
ROUND_TRIP = 0.04  # seconds
QUIET_LOOKS, LONGEST_DRAIN = 20, 20.0
BUFFER_BYTES = 8 * 1024 * 1024
SO_RCVBUFFORCE = 33
CNAME = "bench"
STAMP = struct.Struct("!q")  # nanoseconds since 1970 when it was sent, in the last bytes of every payload
TIMESPEC = struct.Struct("@ll")
SO_TIMESTAMPNS = 35
_REPAIRS = re.compile(r"a=ssrc-group:FID \d+ (\d+)")


@dataclass(slots=True)
class Stream:
    """One SSRC received. `missing`: sequence number to when it was missed, and how often asked for. `kind` is
    `repair` for one that only repeats (RFC 4588).
    """

    ssrc: int
    kind: str
    fresh: int = 0
    repeats: int = 0
    keyframes: int = 0
    highest: int = -1
    expected: int = 0
    reported: tuple[int, int] = (0, 0)
    told: tuple[int, float] = (0, 0.0)
    missing: dict[int, tuple[float, int]] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)
    broken: bool = False
    told_broken: float = 0.0

    def arrived(self, sequence, now):
        """Whether it is one that had not come yet."""
        ahead = (sequence - self.highest) & 0xFFFF
        if ahead == 1 or self.highest < 0:
            self.expected += 1
        elif ahead == 0 or ahead >= 0x8000:
            if self.missing.pop(sequence, None) is None:
                self.repeats += 1
                return False
            self.fresh += 1
            return True
        else:
            self._miss(ahead, now)
        self.highest = sequence
        self.fresh += 1
        if self.kind == "camera" and not self.fresh % NEEDLESS_NACK_EVERY:
            self.asked.append(sequence)
        return True

    def _miss(self, ahead, now):
        self.expected += ahead
        if self.kind != "camera" or len(self.missing) + ahead > LARGEST_MISSING:
            self.broken = self.broken or self.kind == "camera"
        else:
            self.missing.update({(self.highest + step) & 0xFFFF: (now, 0) for step in range(1, ahead)})

    def wanted(self, now):
        """Sequence numbers to ask for now."""
        wanted, self.asked = self.asked, []
        for sequence, (since, asked) in list(self.missing.items()):
            if now - since > GIVE_UP_AFTER:
                del self.missing[sequence]
                self.broken = True
            elif asked == 0 or (asked == 1 and now - since > ASK_TWICE_AFTER):
                self.missing[sequence] = (since, asked + 1)
                wanted.append(sequence)
        return wanted

    def wants_keyframe(self, now):
        if not self.broken or now - self.told_broken < 1.0:
            return False
        self.broken, self.told_broken = False, now
        return True

    def block(self, now):
        """Its report block, of the time since the last one."""
        expected, fresh = self.expected - self.reported[0], self.fresh - self.reported[1]
        self.reported = (self.expected, self.fresh)
        lost = max(0, expected - fresh)
        return RtcpReceiverInfo(
            ssrc=self.ssrc,
            fraction_lost=min(255, lost * 256 // expected) if expected else 0,
            packets_lost=max(0, self.expected - self.fresh),
            highest_sequence=max(0, self.highest),
            jitter=20,
            lsr=self.told[0],
            dlsr=round(max(0.0, now - self.told[1] - ROUND_TRIP) * 65536) if self.told[0] else 0,
        )


class Flow:
    """One SSRC sent, its packets written as a browser writes them."""

    def __init__(self, page, kind, *, period, ticks):
        self.kind, self.period, self.ticks = kind, period, ticks
        self.ssrc = page.ssrcs[kind]
        self.due = 0.0
        self.frames = self.packets = self.octets = 0
        self.keyframe = False
        self.kept = deque(maxlen=KEPT)
        mid = (IDS[MID], page.mids[kind].encode())
        level = [(IDS[AUDIO_LEVEL], b"\x9e")] if kind == "audio" else []
        self._block = extension_block([mid, *level])
        self._type = OPUS if kind == "audio" else VP8
        self._sequence, self._timestamp = page.sequence[self.ssrc], page.timestamp[self.ssrc]

    def next(self):
        """The packets of the next frame, each made when it is to be sent."""
        self._timestamp = (self._timestamp + self.ticks) & 0xFFFFFFFF
        payloads = [b"\x78" + bytes(SOUND_BYTES - 1)] if self.kind == "audio" else self._picture()
        self.frames += 1
        for payload in payloads:
            yield self._packet(payload, last=payload is payloads[-1])

    def _picture(self):
        key = self.keyframe or self.frames % FRAMES_A_KEY == 0
        self.keyframe = False
        number = (0x8000 | self.frames & 0x7FFF).to_bytes(2, "big") + bytes([self.frames & 0xFF])
        body = bytes(PART_BYTES - 1)
        first = b"\x90\xc0" + number + (b"\x00" if key else b"\x01") + body
        return [first, *(b"\x80\xc0" + number + bytes([part]) + body for part in range(1, FRAME_PARTS))]

    def _packet(self, payload, *, last):
        self._sequence = (self._sequence + 1) & 0xFFFF
        marker = 0x80 if last and self.kind != "audio" else 0
        self.packets += 1
        self.octets += len(payload)
        payload = payload[: -STAMP.size] + STAMP.pack(time.time_ns())
        head = bytes([0x90, marker | self._type]) + self._sequence.to_bytes(2, "big")
        head += self._timestamp.to_bytes(4, "big") + self.ssrc.to_bytes(4, "big")
        return head + self._block + payload

    def sent(self, packet, datagram):
        if self.kind != "audio":
            self.kept.append((int.from_bytes(packet[2:4], "big"), datagram))

    def figures(self, now):
        passed = round((now - self.due + self.period) * self.ticks / self.period)
        return SenderFigures(
            ssrc=self.ssrc,
            ntp=ntp_of(time.time()),
            rtp=self._timestamp + passed,
            packets=self.packets,
            octets=self.octets,
        )


class Client(BarePage):
    """One participant; `Load.tick` is its only clock. `sending`: its flows run."""

    def __init__(self, at="127.0.0.1"):
        super().__init__(at)
        self.name = ""
        self.streams = {}
        self.flows = []
        self.sending = False
        self.connected = False
        self.late = 0.0
        self.other = 0
        self.delays = None
        self.on_picture = None
        self._arrived_ns = 0
        self._ssrc = int.from_bytes(os.urandom(4), "big") | 1
        self._check_at = self._report_at = self._nack_at = 0.0
        self.dtls._on_rtcp = self._feedback

    async def move(self):
        self.bind("127.0.0.1")

    def bind(self, address):
        bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        bound.setblocking(False)
        with contextlib.suppress(PermissionError):
            bound.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
        bound.bind((address, 0))
        self.transport = bound
        self.transports.append(bound)

    def _send(self, data):
        with contextlib.suppress(BlockingIOError):
            self.transport.sendto(data, self.remote)

    def read(self, answer):
        super().read(answer)
        self.expect(answer)

    def expect(self, sdp):
        """What comes will be counted: `mids` and `line_ssrcs` are known, `sdp` names the SSRCs that repeat."""
        for ssrc in _REPAIRS.findall(sdp):
            self.listen(int(ssrc), "repair")
        for key, mid in self.mids.items():
            if isinstance(key, tuple) and mid in self.line_ssrcs:
                self.listen(self.line_ssrcs[mid], key[0])

    def listen(self, ssrc, kind):
        self.streams[ssrc.to_bytes(4, "big")] = Stream(ssrc, kind)

    def begin(self, *, phase=0.0):
        """It is connected: flows and timers begin, `phase` (0 to 1) apart from the others'."""
        self.flows = [
            Flow(self, "audio", period=SOUND_SECONDS, ticks=SOUND_TICKS)
            if kind == "audio"
            else Flow(self, kind, period=FRAME_SECONDS, ticks=FRAME_TICKS)
            for kind in self.sends
        ]
        now = time.monotonic()
        self._check_at = now + phase * CHECK_SECONDS
        self._report_at = now + phase * REPORT_SECONDS
        self._phase = phase
        self.connected = True

    def start(self, now):
        self.sending = True
        for flow in self.flows:
            flow.due = now + self._phase * flow.period

    def stop(self):
        self.sending = False

    # --- time --------------------------------------------------------------------------------------

    def tick(self, now):
        self._drain(now)
        if not self.connected or self.closed:
            return
        if self.sending:
            self._advance(now)
        if now >= self._nack_at:
            self._nack_at = now + NACK_SECONDS
            self._ask(now)
        if now >= self._report_at:
            self._report_at = max(self._report_at + REPORT_SECONDS, now)
            self._report(now)
        if now >= self._check_at:
            self._check_at = max(self._check_at + CHECK_SECONDS, now)
            self.check()

    def _advance(self, now):
        for flow in self.flows:
            while flow.due <= now:
                self.late = max(self.late, now - flow.due)
                flow.due += flow.period
                for packet in flow.next():
                    datagram = self.dtls.protect_rtp(packet)
                    flow.sent(packet, datagram)
                    self._send(datagram)

    def _ask(self, now):
        """Feedback of reduced size (RFC 5506), as browsers send it."""
        for stream in self.streams.values():
            wanted = stream.wanted(now) if stream.asked or stream.missing else ()
            if wanted:
                self.send_rtcp(nack(self._ssrc, stream.ssrc, wanted))
            if stream.broken and stream.wants_keyframe(now):
                pli = RtcpPsfbPacket(fmt=RTCP_PSFB_PLI, ssrc=self._ssrc, media_ssrc=stream.ssrc)
                self.send_rtcp(bytes(pli))

    def _report(self, now):
        """A compound for each stream, as browsers send them."""
        there = [stream for stream in self.streams.values() if stream.fresh and stream.kind != "repair"]
        pictures = [stream.ssrc for stream in there if stream.kind == "camera"]
        for stream in there:
            compound = receiver_report(self._ssrc, [stream.block(now)], CNAME)
            if pictures and stream.ssrc == pictures[0]:
                compound += remb(self._ssrc, bitrate=20_000_000, sources=pictures)
            self.send_rtcp(compound)
        for flow in self.flows:
            if flow.packets:
                self.send_rtcp(sender_report(flow.figures(now), CNAME))

    # --- what comes --------------------------------------------------------------------------------

    def _drain(self, now):
        receive = self._stamped if self.delays is not None else self.transport.recv
        streams = self.streams
        with contextlib.suppress(BlockingIOError):
            while True:
                data = receive(2048)
                if 128 <= data[0] <= 191 and not 192 <= data[1] <= 223:
                    stream = streams.get(data[8:12])
                    if stream is None:
                        self.other += 1
                    else:
                        self.media(stream, data, now)
                else:
                    self.control(data)

    def _stamped(self, size):
        """A datagram, with the kernel's time of its arrival: when we look does not count."""
        data, notes, _, _ = self.transport.recvmsg(size, 64)
        self._arrived_ns = time.time_ns()
        for level, kind, value in notes:
            if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
                seconds, nanoseconds = TIMESPEC.unpack(value)
                self._arrived_ns = seconds * 1_000_000_000 + nanoseconds
        return data

    def media(self, stream, data, now):
        fresh = stream.arrived(data[2] << 8 | data[3], now)
        if fresh and stream.kind != "repair" and (self.delays is not None or self.on_picture is not None):
            self._kind = stream.kind
            self.dtls.receive(data)

    def probe(self):
        """From now on `delays` collects how long packets took, in seconds, by kind."""
        self.transport.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.delays = {"audio": [], "camera": []}
        self.dtls._on_rtp = self._delayed

    def _delayed(self, packet):
        (sent,) = STAMP.unpack(packet[-STAMP.size :])
        self.delays[self._kind].append((self._arrived_ns - sent) / 1e9)

    def watch(self, on_picture):
        """Calls `on_picture(ssrc)` with the first complete key frame of each picture."""
        self.on_picture = on_picture
        self._parts, self._whole = {}, set()
        self.dtls._on_rtp = self._watched

    def _watched(self, data):
        packet = read_rtp(data)
        if self._kind == "audio" or packet.ssrc in self._whole:
            return
        frame = (packet.ssrc, packet.timestamp)
        if packet.payload[0] & 0x10 and packet.payload[5] & 0x01:
            return
        self._parts[frame] = self._parts.get(frame, 0) + (100 if packet.payload[0] & 0x10 else 1)
        if self._parts[frame] == 100 + FRAME_PARTS - 1:
            self._whole.add(packet.ssrc)
            self.on_picture(packet.ssrc)

    def control(self, data):
        if data[0] <= 3:
            self.stun(data)
        else:
            self.dtls.receive(data)

    def stun(self, data):
        if not self.connected or is_binding_request(data):
            super().stun(data)

    def _feedback(self, compound):
        feedback = read_feedback(compound)
        for ssrc, (ntp, _) in feedback.sent.items():
            stream = self.streams.get(ssrc.to_bytes(4, "big"))
            if stream is not None:
                stream.told = (ntp >> 16 & 0xFFFFFFFF, time.monotonic())
        for flow in self.flows:
            if flow.ssrc in feedback.keyframes:
                flow.keyframe = True
            asked = set(feedback.nacks.get(flow.ssrc, ()))
            if asked:
                for sequence, datagram in flow.kept:
                    if sequence in asked:
                        self._send(datagram)

    # --- the connection ----------------------------------------------------------------------------

    async def connect(self, answer):
        self.read(answer)
        wait = 0.05
        for _ in range(8):
            self.check()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    while not self.checks:  # noqa: ASYNC110 filled by the load's clock
                        await asyncio.sleep(LOOK_SECONDS)
            if self.checks:
                break
            wait *= 2
        if not self.checks:
            raise ConnectionError(f"no check of {self.name} was answered")
        read_binding_response(self.checks[-1], password=self.remote_password)
        await self.dtls.start([self.remote_fingerprint])


@dataclass(slots=True)
class Counted:
    """What was sent and what reached listeners, of sound (`audio`) and pictures; `repeats` are not in `received`."""

    sent: dict[str, int] = field(default_factory=lambda: {"audio": 0, "camera": 0})
    received: dict[str, int] = field(default_factory=lambda: {"audio": 0, "camera": 0})
    repeats: int = 0

    @property
    def datagrams(self):
        return sum(self.received.values()) + self.repeats

    def since(self, before):
        return Counted(
            {kind: self.sent[kind] - before.sent[kind] for kind in self.sent},
            {kind: self.received[kind] - before.received[kind] for kind in self.received},
            self.repeats - before.repeats,
        )


class Load:
    """All clients of one process and their clock: `async with Load() as load`."""

    def __init__(self):
        self.clients = []
        self._looking = None

    async def __aenter__(self):
        self._looking = asyncio.create_task(self._look(asyncio.current_task()))
        return self

    async def __aexit__(self, *_):
        self._looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._looking
        for client in self.clients:
            await client.close()

    async def _look(self, owner):
        """The clock of all clients; what breaks in it ends the measurement, or it would count nothing."""
        try:
            while True:
                await asyncio.sleep(LOOK_SECONDS)
                for client in list(self.clients):
                    client.tick(time.monotonic())
        except Exception:
            owner.cancel()
            raise

    @property
    def ended(self):
        """How many connections the server ended."""
        return sum(client.closed for client in self.clients)

    def begin(self):
        for number, client in enumerate(self.clients):
            if not client.connected:
                client.begin(phase=number * 0.618 % 1)

    def counted(self):
        counted = Counted()
        for client in self.clients:
            for flow in client.flows:
                counted.sent[flow.kind] += flow.packets
            for stream in client.streams.values():
                if stream.kind == "repair":
                    counted.repeats += stream.fresh
                else:
                    counted.received[stream.kind] += stream.fresh
                    counted.repeats += stream.repeats
        return counted

    def received_by_each(self, kind):
        return {
            (client.name, stream.ssrc): stream.fresh
            for client in self.clients
            for stream in client.streams.values()
            if stream.kind == kind
        }

    def start(self):
        now = time.monotonic()
        for client in self.clients:
            client.late = 0.0
            client.start(now)

    async def send(self, seconds):
        self.start()
        await asyncio.sleep(seconds)
        await self.stop()

    async def stop(self, *, quiet=QUIET_LOOKS):
        """Ends all flows and returns when nothing new was there `quiet` times in a row, 20 ms apart: however long
        this process or the server had to wait for its core.
        """
        for client in self.clients:
            client.stop()
        count, looks, begin = -1, 0, time.monotonic()
        while looks < quiet and time.monotonic() - begin < LONGEST_DRAIN:
            await asyncio.sleep(0.02)
            looks = looks + 1 if self.counted().datagrams == count else 0
            count = self.counted().datagrams

    @property
    def late(self):
        """The latest that any packet was sent, in seconds."""
        return max((client.late for client in self.clients), default=0.0)


# --- the machine ---------------------------------------------------------------------------------


@contextlib.contextmanager
def pinned(core):
    """What is started inside runs on this core, threads that it makes too."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_seconds(pid):
    """User and system time of a process, ended threads too, in nanosecond steps (clock_getcpuclockid(3))."""
    return time.clock_gettime(~pid << 3 | 2)


def resident_mib(pid):
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def busy_seconds(core):
    """Of a core, whatever ran on it."""
    line = next(
        line for line in Path("/proc/stat").read_text().splitlines() if line.startswith(f"cpu{core} ")
    )
    user, nice, system, _idle, _wait, irq, soft, *_ = map(int, line.split()[1:])
    return (user + nice + system + irq + soft) / os.sysconf("SC_CLK_TCK")


def srtp_profile(dtls):
    selected = dtls._transport._ssl.get_selected_srtp_profile()
    return selected.decode().removeprefix("SRTP_")
