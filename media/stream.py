"""A stream and its packets, as they go from the one who sends them to those who take them."""

from dataclasses import dataclass

from media.channels import Kind
from media.description import Section
from media.reception import Reception
from media.rtp_header import RtpPacket, Vp8

KEYFRAME_EVERY = 1.0  # seconds, at most, between two requests for a key frame of one stream


@dataclass(slots=True, eq=False)
class Stream:
    """One SSRC of a person's sound, picture or document. Compared by identity."""

    place: str
    ssrc: int
    section: Section
    rank: int
    reception: Reception
    heard_at: float = float("-inf")
    keyframe_wanted: bool = False
    keyframe_asked_at: float = -KEYFRAME_EVERY
    report: tuple[int, int] | None = None  # NTP and RTP time of its last sender report

    @property
    def kind(self) -> Kind:
        return self.section.kind


@dataclass(slots=True)
class Arrival:
    """One packet of a stream, ready to be forwarded. `raw` is it as received and decrypted.

    `index`, `epoch`: its place in the stream (`media.reception`). `level`: audio level byte of RFC 6464
    (voice bit and −dBov), None if it has none. `stamp`: abs-send-time of now, for all listeners.
    `padding`: it has no payload (a probe); it goes on as such, so that no listener misses its number.
    """

    stream: Stream
    packet: RtpPacket
    raw: bytes
    index: int
    epoch: int
    now: float
    vp8: Vp8 | None
    level: int | None
    stamp: bytes
    padding: bool = False

    @property
    def keyframe(self) -> bool:
        """It is the first packet of a VP8 key frame."""
        return self.vp8 is not None and self.vp8.keyframe
