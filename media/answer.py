"""Our answer to an offer: ICE-lite, `setup:passive`, everything bundled on one candidate (RFC 8829, RFC 8445).

A line is one `msid` and one `cname`, so that a browser keeps its sound and picture in step. Payload types
and extension ids are the offer's own. Opus with in-band FEC and without DTX, VP8, and RTX both ways where it is
offered; transport-wide feedback is not taken up.
"""

import secrets
from dataclasses import dataclass

from media.adapter import Address, Fingerprint
from media.channels import Kind
from media.description import Direction, Offer, RefusedSection, Section


@dataclass(frozen=True, slots=True)
class OurSide:
    """What an answer says of us."""

    ufrag: str
    password: str
    fingerprint: Fingerprint
    candidate: Address


def write_answer(offer: Offer, ours: OurSide) -> str:
    version = "IP6" if ":" in ours.candidate[0] else "IP4"
    lines = [
        "v=0",
        f"o=- {secrets.randbelow(2**62)} 1 IN {version} {ours.candidate[0]}",
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
    address, port = ours.candidate
    types = [section.payload_type, *([section.rtx_type] if section.rtx_type is not None else [])]
    media = "audio" if section.kind is Kind.AUDIO else "video"
    return [
        f"m={media} {port} UDP/TLS/RTP/SAVPF {' '.join(map(str, types))}",
        f"c=IN {'IP6' if ':' in address else 'IP4'} {address}",
        f"a=mid:{section.mid}",
        f"a={section.direction.value}",
        f"a=ice-ufrag:{ours.ufrag}",
        f"a=ice-pwd:{ours.password}",
        f"a=fingerprint:{ours.fingerprint.algorithm} {ours.fingerprint.value}",
        "a=setup:passive",
        f"a=candidate:1 1 udp 2130706431 {address} {port} typ host",
        "a=end-of-candidates",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        *(f"a=extmap:{number} {uri}" for uri, number in section.extensions.items()),
        *_codecs(section),
        *(_sent_by_us(section, cname) if section.direction is Direction.DOWN else _layers(section)),
    ]


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
