"""A stream and its packets, as they go from the one who sends them to those who take them.

A picture's packets are kept for two seconds: once for all listeners, who may each ask for them again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from media.channels import Kind
from media.description import Section
from media.reception import Reception
from media.rtp_header import Vp8
from media.tally import Tally

if TYPE_CHECKING:
    from media.outlet import Outlet
    from media.peer import Peer

KEPT = 600  # packets: two seconds of a picture at the bitrate that is allowed to a publisher
PADDING = b"\0\0\0\4"  # what stands for a packet's payload where it has none
KEYFRAME_EVERY = 1.0  # seconds, at most, between two requests for a key frame of one stream


@dataclass(slots=True, eq=False)
class Stream:
    """One SSRC of a person's sound, picture or document. Compared by identity.

    `takers`: the outlets that carry it, or wait for a key frame of it; `settled`: all of them carry it. `rank`: of several layers, 0 is the lowest.
    """

    place: str
    ssrc: int
    section: Section
    rank: int
    reception: Reception
    rid: str | None = None
    present: bool = False  # it is one of the layers that are sent
    heard_at: float = float("-inf")
    keyframe_at: float = float("-inf")  # when one came last
    keyframe_wanted: bool = False
    keyframe_asked_at: float = -KEYFRAME_EVERY
    octets: int = 0
    rate: float | None = None  # bit/s, of the last second
    report: tuple[int, int] | None = None  # NTP and RTP time of its last sender report
    takers: "Sequence[tuple[Peer, Outlet]]" = ()
    settled: bool = True
    tally: Tally = field(init=False)
    _kept: "list[Arrival | None]" = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tally = Tally(self.reception, pictures=self.kind is not Kind.AUDIO)

    @property
    def kind(self) -> Kind:
        return self.section.kind

    def keep(self, arrival: "Arrival") -> None:
        """So that it can be sent again; `raw` is not needed for that."""
        if not self._kept:
            self._kept = [None] * KEPT
        arrival.raw = b""
        self._kept[arrival.index % KEPT] = arrival

    def forget(self) -> None:
        """Nothing of it is sent again."""
        self._kept, self.takers = [], ()

    def kept(self, index: int, epoch: int) -> "Arrival | None":
        """The packet of this index, if it is one of the last that came."""
        arrival = self._kept[index % KEPT] if self._kept else None
        return arrival if arrival is not None and (arrival.index, arrival.epoch) == (index, epoch) else None


@dataclass(slots=True)
class Arrival:
    """One packet of a stream, ready to be forwarded. `raw` is it as received and decrypted.

    `index`, `epoch`: its place in the stream (`media.reception`). `head` and `rest` are its payload: what differs
    for each listener (the VP8 descriptor), and what is the same for all. `level`: audio level byte of RFC 6464
    (voice bit and −dBov), None if it has none. `stamp`: abs-send-time of now, for all listeners.
    `padding`: it has no payload (a probe); it goes on as such, so that no listener misses its number.
    """

    stream: Stream
    index: int
    epoch: int
    now: float
    marker: int
    timestamp: int
    head: bytes
    rest: bytes
    raw: bytes
    vp8: Vp8 | None
    level: int | None
    stamp: bytes
    padding: bool = False
    size: int = field(init=False)  # bytes of payload

    def __post_init__(self) -> None:
        self.size = len(self.head) + len(self.rest)

    @property
    def keyframe(self) -> bool:
        """It is the first packet of a VP8 key frame."""
        return self.vp8 is not None and self.vp8.keyframe
