"""Our answer to an offer: ICE-lite, `setup:passive`, everything bundled on one port (RFC 8829, RFC 8445).

Each address of ours is a host candidate; both families are tried in turn, IPv6 first (RFC 8421 section 4).

A line is one `msid` and one `cname`, so that a browser keeps its sound and picture in step. Payload types
and extension ids are the offer's own. Opus with in-band FEC and without DTX, VP8, and RTX both ways where it is
offered. Upward the browser goes by our estimates (REMB); of the pictures that go down it reports every arrival
(transport-wide feedback), where it can.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from media.adapter import Fingerprint
from media.addresses import Candidate
from media.channels import Kind
from media.description import Direction, Offer, RefusedSection, Section

HOST_PREFERENCE = 126  # of the type, RFC 8445 section 5.1.2.2
MOST_PREFERRED = 65535


@dataclass(frozen=True, slots=True)
class OurSide:
    """What an answer says of us; at least one candidate."""

    ufrag: str
    password: str
    fingerprint: Fingerprint
    candidates: tuple[Candidate, ...]

    @property
    def default(self) -> Candidate:
        """For who reads no candidates (RFC 8445 section 5.1.4): IPv4, which more networks carry."""
        return next((one for one in self.candidates if not _is_ipv6(one)), self.candidates[0])


def write_answer(offer: Offer, ours: OurSide) -> str:
    lines = [
        "v=0",
        f"o=- {secrets.randbelow(2**62)} 1 IN {_network(ours.default)}",
        "s=-",
        "t=0 0",
        "a=ice-lite",
        "a=group:BUNDLE " + " ".join(section.mid for section in offer.taken),
        "a=msid-semantic: WMS *",
    ]
    for section in offer.sections:
        if isinstance(section, Section):
            lines += _answered(section, ours, offer.cname)
        else:
            lines += _declined(section)
    return "\r\n".join(lines) + "\r\n"


def _answered(section: Section, ours: OurSide, cname: str) -> list[str]:
    types = [section.payload_type, *([section.rtx_type] if section.rtx_type is not None else [])]
    media = "audio" if section.kind is Kind.AUDIO else "video"
    return [
        f"m={media} {ours.default.port} UDP/TLS/RTP/SAVPF {' '.join(map(str, types))}",
        f"c=IN {_network(ours.default)}",
        f"a=mid:{section.mid}",
        f"a={section.direction.value}",
        f"a=ice-ufrag:{ours.ufrag}",
        f"a=ice-pwd:{ours.password}",
        f"a=fingerprint:{ours.fingerprint.algorithm} {ours.fingerprint.value}",
        "a=setup:passive",
        *candidate_lines(ours.candidates),
        "a=end-of-candidates",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        *(f"a=extmap:{number} {uri}" for uri, number in section.extensions.items()),
        *_codecs(section),
        *(_sent_by_us(section, cname) if section.direction is Direction.DOWN else _layers(section)),
    ]


def candidate_lines(candidates: Sequence[Candidate]) -> list[str]:
    """Priorities of RFC 8445 section 5.1.2.1, each family in its own order."""
    families = [
        [one for one in candidates if _is_ipv6(one)],
        [one for one in candidates if not _is_ipv6(one)],
    ]
    in_turn = [one for pair in zip_longest(*families) for one in pair if one is not None]
    return [
        f"a=candidate:{n + 1} 1 udp {HOST_PREFERENCE << 24 | MOST_PREFERRED - n << 8 | 255} {address} {port} typ host"
        for n, (address, port) in enumerate(dict.fromkeys(in_turn))
    ]


def _is_ipv6(candidate: Candidate) -> bool:
    return ":" in candidate.address


def _network(candidate: Candidate) -> str:
    return f"{'IP6' if _is_ipv6(candidate) else 'IP4'} {candidate.address}"


def _codecs(section: Section) -> list[str]:
    number = section.payload_type
    if section.kind is Kind.AUDIO:
        return [
            f"a=rtpmap:{number} opus/48000/2",
            f"a=fmtp:{number} minptime=10;useinbandfec=1;usedtx=0",
        ]
    lines = [f"a=rtpmap:{number} VP8/90000"]
    lines += [f"a=rtcp-fb:{number} {each}" for each in section.feedback]
    if section.rtx_type is not None:
        lines += [f"a=rtpmap:{section.rtx_type} rtx/90000", f"a=fmtp:{section.rtx_type} apt={number}"]
    return lines


def _sent_by_us(section: Section, cname: str) -> list[str]:
    stream = line_name(section.line)
    ssrcs = [section.ssrc, *([section.rtx_ssrc] if section.rtx_type is not None else [])]
    return [
        f"a=msid:{stream} {stream}-{section.kind.value}",
        *([f"a=ssrc-group:FID {section.ssrc} {section.rtx_ssrc}"] if len(ssrcs) > 1 else []),
        *(f"a=ssrc:{ssrc} cname:{line_cname(cname, section.line)}" for ssrc in ssrcs),
    ]


def _layers(section: Section) -> list[str]:
    if not section.rids:
        return []
    return [
        *(f"a=rid:{rid} recv" for rid in section.rids),
        f"a=simulcast:recv {';'.join(section.rids)}",
    ]


def _declined(section: RefusedSection) -> list[str]:
    return [
        f"m={section.media} 0 {section.profile} {section.formats}",
        "c=IN IP4 0.0.0.0",
        *([f"a=mid:{section.mid}"] if section.mid else []),
        "a=inactive",
    ]


def line_name(line: int | None) -> str:
    """The stream of a line in the answer; None is the document line."""
    return "document" if line is None else f"line{line}"


def line_cname(cname: str, line: int | None) -> str:
    """One for each line: lines carry different people, who are not in step with each other."""
    return f"{cname}-{line_name(line)}"
