"""Sound and picture that are really encoded, once, and sent round and round (for synthetic peers).

Four seconds of Opus (48 kHz, frames of 20 ms, in-band FEC, no DTX; RFC 7587): a tone whose pitch depends on
the seed, spoken in syllables. Four seconds of VP8 (15 frames a second, a key frame each second; RFC 7741):
a figure that sways, its colour of the seed. Encoding takes a tenth of a second or two; do it in a thread.

Several can speak in turns instead of all at once, and pictures can be fewer a second, where a machine has to
carry many of them for hours.
"""

import math
import secrets
import threading
from array import array
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from typing import NamedTuple

import av
from av.audio.codeccontext import AudioCodecContext
from av.video.codeccontext import VideoCodecContext

from media.rtcp import SenderFigures, ntp_of
from media.rtp_header import HEADER, extension_block

SECONDS = 4
SOUND_RATE, SOUND_STEP = 48_000, 960
PICTURE_RATE, PICTURE_STEP = 90_000, 6_000
PICTURES = PICTURE_RATE // PICTURE_STEP  # a second
LARGEST_PAYLOAD = 1100  # bytes of VP8 in a packet
_SILENCE = 127  # −dBov, RFC 6464

_encoding = threading.Lock()


class Frame(NamedTuple):
    """`parts`: the encoded frame, cut into what one packet carries. `level`: of sound, in −dBov."""

    parts: tuple[bytes, ...]
    keyframe: bool = True
    level: int = _SILENCE


DIGITAL_SILENCE = Frame((b"\xf8\xff\xfe",))


class Turn(NamedTuple):
    """Whose four seconds it is: speaks in the `mine`-th of every `of` rounds, from 0, and is quiet in the others."""

    mine: int
    of: int


ALWAYS = Turn(0, 1)


def sound(seed: int, turn: Turn = ALWAYS) -> tuple[Frame, ...]:
    """200 frames of 20 ms a round. Blocks while it encodes; the second time it is there at once."""
    with _encoding:
        return _sound(seed, turn)


def picture(seed: int, *, width: int, height: int, rate: int = PICTURES) -> tuple[Frame, ...]:
    """Four seconds of `rate` frames (15 can be divided by it), the first of each second a key frame. Blocks
    while it encodes, as `sound` does.
    """
    with _encoding:
        return _picture(seed, width, height, rate)


class Source:
    """A loop as one RTP stream without end. `due`: when its next frame is to be sent, by the loop's clock.

    `extensions`: the header extension block of a packet, from the frame's level. `first`: where in the loop it
    begins. `unplugged`: of a sound, it goes on as digital silence.
    """

    def __init__(
        self,
        frames: Sequence[Frame],
        *,
        payload_type: int,
        rate: int,
        step: int,
        extensions: Callable[[int], bytes],
        first: int = 0,
    ) -> None:
        self.ssrc = 1 + secrets.randbelow(2**32 - 1)
        self.due = 0.0
        self.unplugged = False
        self._frames = frames
        self._payload_type = payload_type
        self._rate, self._step = rate, step
        self._period = step / rate
        self._extensions = extensions
        self._at = first % len(frames)
        self._sequence = secrets.randbelow(2**16)
        self._timestamp = secrets.randbelow(2**32)
        self._picture = secrets.randbelow(2**15)
        self._packets = 0
        self._octets = 0

    def packets(self, now: float) -> list[bytes]:
        """The packets of the frame that is due; what is more than a second late is left out."""
        late = int((now - self.due) / self._period)
        self._advance(late if now - self.due > 1 else 0)
        frame = DIGITAL_SILENCE if self.unplugged else self._frames[self._at]
        last = len(frame.parts) - 1
        packets = [
            self._packet(self._described(part, number), frame.level, ends=number == last)
            for number, part in enumerate(frame.parts)
        ]
        self._at = (self._at + 1) % len(self._frames)
        self._picture = (self._picture + 1) & 0x7FFF
        self._advance(1)
        return packets

    def pass_over(self) -> None:
        """The frame that is due is not sent."""
        self._at = (self._at + 1) % len(self._frames)
        self._advance(1)

    def refresh(self) -> None:
        """The next frame is to be a key frame: goes to the next one of the loop."""
        while not self._frames[self._at].keyframe:
            self._at = (self._at + 1) % len(self._frames)

    def figures(self, *, now: float, wall: float) -> SenderFigures:
        """For a sender report at `now` of the loop's clock, which is `wall` in seconds since 1970."""
        return SenderFigures(
            ssrc=self.ssrc,
            ntp=ntp_of(wall),
            rtp=self._timestamp + round((now - self.due) * self._rate),
            packets=self._packets,
            octets=self._octets,
        )

    def _advance(self, frames: int) -> None:
        self.due += frames * self._period
        self._timestamp = (self._timestamp + frames * self._step) & 0xFFFFFFFF

    def _described(self, part: bytes, number: int) -> bytes:
        """With the VP8 descriptor in front: a picture id of 15 bits, no layers (RFC 7741 section 4.2)."""
        if self._rate == SOUND_RATE:
            return part
        begins = 0x90 if number == 0 else 0x80
        return bytes((begins, 0x80, 0x80 | self._picture >> 8, self._picture & 0xFF)) + part

    def _packet(self, payload: bytes, level: int, *, ends: bool) -> bytes:
        marker = ends and self._rate == PICTURE_RATE
        header = HEADER.pack(
            0x90, marker << 7 | self._payload_type, self._sequence, self._timestamp, self.ssrc
        )
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._packets += 1
        self._octets += len(payload)
        return header + self._extensions(level) + payload


def extensions_of(*, named: Sequence[tuple[int, str]], level_id: int | None = None) -> Callable[[int], bytes]:
    """The extension block of a stream: its names (mid, rid) by id, and for sound the level with the voice bit
    (RFC 6464).
    """
    names = [(number, name.encode()) for number, name in named]
    if level_id is None:
        block = extension_block(names)
        return lambda _: block
    blocks = [
        extension_block([*names, (level_id, bytes([(level < 60) << 7 | level]))]) for level in range(128)
    ]
    return blocks.__getitem__


# --- encoding ------------------------------------------------------------------------------------


@cache
def _sound(seed: int, turn: Turn) -> tuple[Frame, ...]:
    return tuple(frame for number in range(turn.of) for frame in _round(seed, speaks=number == turn.mine))


@cache
def _round(seed: int, *, speaks: bool) -> tuple[Frame, ...]:
    samples = _speech(seed, loudest=9000 if speaks else 10)
    codec = av.CodecContext.create("libopus", "w")
    assert isinstance(codec, AudioCodecContext)
    codec.sample_rate, codec.layout, codec.format, codec.bit_rate = SOUND_RATE, "mono", "s16", 32_000
    codec.time_base = Fraction(1, SOUND_RATE)
    codec.options = {"application": "voip", "fec": "1", "packet_loss": "10", "dtx": "0"}
    parts: list[bytes] = []
    levels: list[int] = []
    for start in range(0, len(samples), SOUND_STEP):
        piece = samples[start : start + SOUND_STEP]
        frame = av.AudioFrame(format="s16", layout="mono", samples=SOUND_STEP)
        frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, start, codec.time_base
        frame.planes[0].update(piece.tobytes())
        parts += map(bytes, codec.encode(frame))
        levels.append(_level(piece))
    parts += map(bytes, codec.encode(None))
    return tuple(Frame((part,), level=level) for part, level in zip(parts, levels, strict=False))


def _speech(seed: int, *, loudest: int) -> "array[int]":
    """A voiced tone with overtones, loud and soft four times a second, with a breath in each loop."""
    breathing = min(60, loudest)
    pitch = 100 + seed * 37 % 160
    turns = [2 * math.pi * pitch * at / SOUND_RATE for at in range(SOUND_RATE)]
    second = [math.sin(turn) + 0.5 * math.sin(2 * turn) + 0.25 * math.sin(5 * turn) for turn in turns]
    syllable = SOUND_RATE // 4
    loud = [loudest * math.sin(math.pi * at / syllable) ** 2 + breathing for at in range(syllable)]
    breath = (SECONDS - 1) * SOUND_RATE + SOUND_RATE // 2
    return array(
        "h",
        (
            int(second[at % SOUND_RATE] * (loud[at % syllable] if at < breath else breathing))
            for at in range(SECONDS * SOUND_RATE)
        ),
    )


def _level(samples: "array[int]") -> int:
    """RFC 6464: the mean power in −dBov, 0 loudest, 127 silence."""
    power = sum(sample * sample for sample in samples) / len(samples) / 32767**2
    return min(_SILENCE, max(0, round(-10 * math.log10(power)))) if power else _SILENCE


@cache
def _picture(seed: int, width: int, height: int, rate: int) -> tuple[Frame, ...]:
    codec = av.CodecContext.create("libvpx", "w")
    assert isinstance(codec, VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
    codec.time_base, codec.framerate = Fraction(1, rate), Fraction(rate)
    codec.bit_rate, codec.gop_size, codec.thread_count = width * height * 4 * rate // PICTURES, rate, 1
    codec.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "auto-alt-ref": "0"}
    frames = []
    for number in range(SECONDS * rate):
        frame = av.VideoFrame(width, height, "yuv420p")
        frame.pts, frame.time_base = number, codec.time_base
        planes = _planes(seed, number * PICTURES // rate, width, height)
        for plane, content in zip(frame.planes, planes, strict=True):
            plane.update(_padded(content, plane.width, plane.line_size))
        frames += codec.encode(frame)
    frames += codec.encode(None)
    return tuple(Frame(_cut(bytes(packet)), packet.is_keyframe) for packet in frames)


def _planes(seed: int, number: int, width: int, height: int) -> tuple[bytes, bytes, bytes]:
    """Somebody in front of a curtain, who sways a little; the colours are the seed's."""
    curtain = bytes(50 + 2 * abs((at + seed * 11) % 48 - 24) for at in range(width))
    turn = 2 * math.pi * number / (SECONDS * PICTURES)
    middle = width / 2 + width / 24 * math.sin(turn)
    head = middle, height * (0.4 + math.sin(2 * turn) / 40), height * 0.17, height * 0.22
    shoulders = (width + middle) / 3, height * 1.08, width * 0.34, height * 0.49
    rows = [_covered(_covered(curtain, y, shoulders, 150), y, head, 200) for y in range(height)]
    tint = bytes([106 + seed * 29 % 44]), bytes([106 + seed * 17 % 44])
    quarter = width // 2 * (height // 2)
    return b"".join(rows), tint[0] * quarter, tint[1] * quarter


def _covered(row: bytes, y: int, ellipse: tuple[float, float, float, float], light: int) -> bytes:
    """The row at height `y` with an ellipse in front of it: its middle, and half its width and height."""
    across, down, wide, high = ellipse
    inside = 1 - ((y - down) / high) ** 2
    if inside <= 0:
        return row
    left = max(0, round(across - wide * math.sqrt(inside)))
    right = min(len(row), round(across + wide * math.sqrt(inside)))
    return row[:left] + bytes([light]) * (right - left) + row[right:]


def _padded(content: bytes, width: int, line_size: int) -> bytes:
    if width == line_size:
        return content
    padding = bytes(line_size - width)
    return b"".join(content[at : at + width] + padding for at in range(0, len(content), width))


def _cut(frame: bytes) -> tuple[bytes, ...]:
    return tuple(frame[at : at + LARGEST_PAYLOAD] for at in range(0, len(frame), LARGEST_PAYLOAD))
