"""What a synthetic peer offers, in the form of a browser's offer, and what it needs of the answer.

One bundle (RFC 8843), RTP and RTCP on one port, no candidates: an ICE-lite answer needs none of ours.
"""

from typing import NamedTuple

from media.adapter import Fingerprint, MalformedDescription, MediaDescription, read_description
from media.channels import Kind
from media.rtp_header import ABS_SEND_TIME, AUDIO_LEVEL, MID, RID

OPUS, VP8, RTX = 111, 96, 97
LEVEL_ID, STAMP_ID, MID_ID, RID_ID = 1, 2, 4, 10
_OPUS_LINES = (
    f"a=rtpmap:{OPUS} opus/48000/2",
    f"a=fmtp:{OPUS} minptime=10;useinbandfec=1",
)
_VP8_LINES = (
    f"a=rtpmap:{VP8} VP8/90000",
    *(f"a=rtcp-fb:{VP8} {each}" for each in ("goog-remb", "ccm fir", "nack", "nack pli")),
    f"a=rtpmap:{RTX} rtx/90000",
    f"a=fmtp:{RTX} apt={VP8}",
)


class NotConnected(ConnectionError):
    """The connection did not come up; says why."""


def identity(ufrag: str, password: str, fingerprint: Fingerprint) -> list[str]:
    """Who offers, as every section says it."""
    return [
        f"a=ice-ufrag:{ufrag}",
        f"a=ice-pwd:{password}",
        "a=ice-options:trickle",
        f"a=fingerprint:{fingerprint.algorithm} {fingerprint.value}",
        "a=setup:actpass",
    ]


class Section(NamedTuple):
    """One media section of the offer. `layers`: names of what a camera sends at the same time, lowest first."""

    mid: str
    kind: Kind
    sends: bool
    layers: tuple[str, ...] = ()

    def written(self, identity: list[str], cname: str) -> list[str]:
        sounds = self.kind is Kind.AUDIO
        return [
            f"m={'audio' if sounds else 'video'} 9 UDP/TLS/RTP/SAVPF {OPUS if sounds else f'{VP8} {RTX}'}",
            "c=IN IP4 0.0.0.0",
            "a=rtcp:9 IN IP4 0.0.0.0",
            *identity,
            f"a=mid:{self.mid}",
            *([f"a=extmap:{LEVEL_ID} {AUDIO_LEVEL}"] if sounds else []),
            f"a=extmap:{STAMP_ID} {ABS_SEND_TIME}",
            f"a=extmap:{MID_ID} {MID}",
            *([f"a=extmap:{RID_ID} {RID}"] if self.layers else []),
            *([f"a=msid:{cname} {cname}-{self.mid}", "a=sendonly"] if self.sends else ["a=recvonly"]),
            "a=rtcp-mux",
            "a=rtcp-rsize",
            *(_OPUS_LINES if sounds else _VP8_LINES),
            *(f"a=rid:{layer} send" for layer in self.layers),
            *([f"a=simulcast:send {';'.join(self.layers)}"] if self.layers else []),
        ]


class Remote(NamedTuple):
    """The other side, as its answer tells."""

    ufrag: str
    password: str
    address: tuple[str, int]
    fingerprints: tuple[Fingerprint, ...]


def read_answer(answer: str) -> Remote:
    """Raises: NotConnected if there is nobody to connect to."""
    try:
        used = [media for media in read_description(answer).media if media.port and media.ice_candidates]
    except MalformedDescription as error:
        raise NotConnected(str(error)) from error
    if not used or used[0].dtls is None:
        raise NotConnected("the answer takes none of what was offered, or names no address")
    return _remote_of(used[0])


def _remote_of(media: MediaDescription) -> Remote:
    candidate = min(media.ice_candidates, key=lambda one: ":" in one.ip)  # IPv4 if there is one
    printed = media.dtls.fingerprints if media.dtls is not None else []
    return Remote(
        (media.ice.usernameFragment if media.ice else None) or "",
        (media.ice.password if media.ice else None) or "",
        (candidate.ip, candidate.port),
        tuple(Fingerprint(each.algorithm, each.value) for each in printed),
    )
