"""Clocks that drift, for two hours through the recorder's own files: sound and picture stay together in the copy.

Every packet bears the moment at which its sound or picture was made, which is read again in the copy by another reader.
The device comes late, is gone for a while, sends its other layer for a while, and for two long parts tells nothing of
its clocks. Its microphone is changed twice, as Chromium does it: the RTP time of sound stands still meanwhile, and its
reports go on as if it did not.
"""

import io
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import av
import pytest
from kept import capture, order
from keys import clear

from media.deriver import derive
from media.pcapng import Packet
from media.rtcp import SenderFigures, ntp_of, sender_report
from media.rtp_header import HEADER

BEGINS = 1_795_000_000  # seconds since 1970
HOURS = 2
JOINS, GONE, OTHER_LAYER = 700, (3000, 3200), (4600, 5000)  # seconds
CHANGED = ((4100, 4103), (6100, 6100.9))
UNTOLD = ((1200, 2700), (4700, HOURS * 3600))  # nothing is told of its clocks
AWAY = -37.5  # seconds that the device's clock is wrong by
WAY, JITTER = 0.040, 0.008  # seconds: the way, and more on average
WITHIN, ON_TIME = 80, 150  # ms: flash from click, and either from when it was made
LOOKED_AT = (702, 1190, 2000, 2690, 2990, 3202, 4000, 4097, 4105, 4115, 4130, 4590)  # seconds
THEN_AT = (4602, 4990, 5002, 6000, 6098, 6103, 6115, 6130, 7180)  # and with little told
AUDIO, CAMERA = "abcdefgh-audio", "abcdefgh-camera"


@dataclass
class Stream:
    """One SSRC, whose clock runs `ppm` fast; packets every `step` ticks of it. `late`: seconds from when it is made to
    when it is sent; `first`: RTP time as the film begins; `told`: seconds from report to report.
    """

    ssrc: int
    rate: int
    step: int
    ppm: float
    late: float
    told: float
    first: int
    spans: tuple[tuple[float, float], ...]
    picture: bool = False

    def packets(self, *, reports: bool) -> Iterator[Packet]:
        """In the order in which they were sent, not quite that in which they came."""
        lot = random.Random(self.ssrc)
        sequence, asked = 65_000, 0.0
        second = self.rate * (1 + self.ppm / 1e6)  # ticks of its clock
        for since, until in self.spans:
            stood = self._stood(since)
            span = range(round((since - stood) * second), round((until - stood) * second), self.step)
            for n, ticks in enumerate(span):
                made = ticks / second + stood
                if reports and made >= asked and not any(a <= made < b for a, b in UNTOLD):
                    asked = made + self.told
                    yield self._report(made, ticks, lot)
                yield _came(made + self.late, self._packet(sequence, ticks, made, key=n % 100 == 0), lot)
                sequence += 1
            if reports and (until, until + 3) in CHANGED:
                yield self._report(until + 1, round((until + 1 - stood) * second), lot)

    def _stood(self, now: float) -> float:
        """Seconds for which its clock stood still before."""
        changed = () if self.picture else CHANGED
        return sum(until - since for since, until in changed if until <= now)

    def _packet(self, sequence: int, ticks: int, made: float, *, key: bool) -> bytes:
        head = b"\x10\0\0\x9d\x01\x2a\x40\x01\xf0\0" if key else b"\x11\0\0"  # RFC 6386 section 9.1
        payload = round(made * 1_000_000).to_bytes(8, "big")
        if self.picture:
            payload = b"\x10" + head + payload
        kind = 0x80 | 96 if self.picture else 111
        time = (self.first + ticks) & 0xFFFFFFFF
        return HEADER.pack(0x80, kind, sequence & 0xFFFF, time, self.ssrc) + payload

    def _report(self, now: float, ticks: int, lot: random.Random) -> Packet:
        rtp = (self.first + ticks) & 0xFFFFFFFF
        figures = SenderFigures(self.ssrc, ntp_of(BEGINS + now + AWAY), rtp, 0, 0)
        return _came(now, sender_report(figures, "x"), lot, rtcp=True)


def _came(sent: float, data: bytes, lot: random.Random, *, rtcp: bool = False) -> Packet:
    at = BEGINS + sent + WAY + lot.expovariate(1 / JITTER)
    return Packet(round(at * 1_000_000), rtcp=rtcp, data=data)


def device(*, sound_ppm: float, picture_ppm: float) -> tuple[list[Stream], list[Stream]]:
    """Sound in packets of 120 ms, three pictures a second, so that two hours are soon over."""
    end = HOURS * 3600
    (first, again), (second, last) = CHANGED
    spoken = ((JOINS, GONE[0]), (GONE[1], first), (again, second), (last, end))
    sound = Stream(1, 48_000, 5760, sound_ppm, 0.020, 5, 2**32 - 9, spoken)
    spans = ((JOINS, GONE[0]), (GONE[1], OTHER_LAYER[0]), (OTHER_LAYER[1], end))
    high = Stream(2, 90_000, 30_000, picture_ppm, 0.060, 1, 77, spans, picture=True)
    low = Stream(3, 90_000, 30_000, picture_ppm, 0.050, 1, 2**31, (OTHER_LAYER,), picture=True)
    return [sound], [high, low]


def late(content: bytes, kind: str) -> list[tuple[float, float]]:
    """Of every packet of the copy: the second at which it was made, and by how many ms later it is placed."""
    found = []
    with av.open(io.BytesIO(content)) as film:
        for packet in film.demux(**{kind: 0}):
            if packet.size:
                made = int.from_bytes(bytes(packet)[-8:], "big") / 1_000_000
                found.append((made, packet.pts - 1000 * made))
    return found


def around(at: float, found: list[tuple[float, float]]) -> float:
    return median(ms for made, ms in found if abs(made - at) <= 2)


@pytest.mark.parametrize(
    ("sound_ppm", "picture_ppm", "reports"), [(50, 0, True), (0, 50, True), (50, -50, False)]
)
def test_sound_and_picture_stay_together_for_two_hours(
    tmp_path, monkeypatch, sound_ppm, picture_ppm, reports
):
    monkeypatch.setattr(os, "fsync", lambda _: None)  # two hours of segments at once
    span = {"since": BEGINS * 1000, "until": (BEGINS + HOURS * 3600) * 1000}
    for track, streams in zip(
        (AUDIO, CAMERA), device(sound_ppm=sound_ppm, picture_ppm=picture_ppm), strict=True
    ):
        packets = [packet for stream in streams for packet in stream.packets(reports=reports)]
        capture(tmp_path, track, sorted(packets, key=lambda packet: packet.at_us), **span)
    derive(order(tmp_path, AUDIO, CAMERA, **span))
    content = clear(tmp_path / "copy-1.webm")
    sound, picture = late(content, "audio"), late(content, "video")
    apart = {at: around(at, picture) - around(at, sound) for at in LOOKED_AT + THEN_AT}
    print({at: (round(ms), round(around(at, sound))) for at, ms in apart.items()}, len(sound), len(picture))
    assert len(sound) > 50_000
    assert len(picture) > 18_000
    assert max(map(abs, apart.values())) < WITHIN
    assert all(0 <= around(at, sound) < ON_TIME for at in apart)
