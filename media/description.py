"""Offers: what a browser's session description asks for (RFC 8866, RFC 8829); `answer` writes ours.

How the media sections of an offer are understood:

- sections that send sound: the first is the microphone;
- sections that send pictures: the first is the camera (perhaps in layers, RFC 8851 and 8853), the second
  the document;
- sections that only receive: the n-th of sound and the n-th of picture are **line** n, counted from 0; a
  picture beyond the last pair is the document line (the last one, if there are several);
- everything else is refused with port 0.

Opus and VP8 only; a section counts if it is in the BUNDLE group and multiplexes RTCP. Its port says nothing:
Firefox offers every section but the first with port 0 (`a=bundle-only`), and one that is stopped is not in the
group (RFC 8843 sections 6 and 7.2). The candidates of the offer are not used.

`read_offer` catches whatever a foreign or broken offer can raise and turns it into one refusal.

Safari has been read about and not tried; Chromium and Firefox are tried in `tests/browser`. Read, in WebKit's
own notes, the results that it keeps of the W3C's tests, and offers that others printed:

- H.264 comes first and VP8 is offered, since 12.1, under other numbers than in Chromium: we look VP8 up by name;
- VP8 in two layers named by RID passes (earlier versions were said to want three layers, or to send nothing);
- feedback `goog-remb`, `transport-cc`, `nack`, `nack pli`, `ccm fir`; header extensions with ids up to 14;
- host candidates are mDNS names, which nothing here reads: its checks arrive, and tell where it is.

Taken for granted, since it is built on the same library as Chromium, and not verified: `setup:actpass`, one BUNDLE
group, RTX, RTCP reduced size, AES-GCM for SRTP, sound in step by `msid` and `cname`. Known from reports and not
tried: after a telephone call the microphone may stay silent until it is opened anew (`frontend/static/room.js` does
so when the track ends, which Safari may not tell).
"""

import re
import secrets
from dataclasses import dataclass
from enum import Enum

from media.adapter import (
    Credentials,
    Fingerprint,
    MalformedDescription,
    MediaDescription,
    SessionDescription,
    read_description,
)
from media.channels import Kind
from media.rtp_header import ABS_SEND_TIME, AUDIO_LEVEL, EXTENSIONS, MID, TRANSPORT_NUMBER

LARGEST_OFFER = 128 * 1024  # characters
SECTIONS = 64
LINES = 512  # of a section, as of what comes before the first
LONGEST_LINE = 2048  # characters
CODECS = 64  # of a section: there are no more numbers for them
FOR_ALL_CODECS = 16  # lines of a section that speak of each of its codecs
LAYERS = 3
_TOKEN = re.compile(r"^[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,16}$")  # RFC 8866; 16 fit a one-byte extension
_ICE_UFRAG = re.compile(r"^[A-Za-z0-9+/]{4,256}$")  # RFC 8839 section 5.4
_ICE_PASSWORD = re.compile(r"^[A-Za-z0-9+/]{22,256}$")
_FORMAT = re.compile(r"^[A-Za-z0-9-]{1,32}$")
_FINGERPRINT = re.compile(r"^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2})+$")
_SIZES = {"sha-256": 32 * 3 - 1, "sha-384": 48 * 3 - 1, "sha-512": 64 * 3 - 1}
_SSRC_BITS = 32


class Refused(ValueError):
    """The offer cannot be answered; says why in a sentence for a person."""


class Direction(Enum):
    """Of a section, as we answer it."""

    UP = "recvonly"
    DOWN = "sendonly"
    NONE = "inactive"


@dataclass(frozen=True, slots=True)
class Section:
    """One media section that we take: what it carries, and under which numbers.

    `line` is the line of a DOWN section, None for the document line and for UP sections. `rids`: the
    names of the layers as offered, lowest first. `ssrcs`: named in the offer, main ones; `repairs`: RTX
    SSRC to the SSRC that it repeats. `ssrc`, `rtx_ssrc`: ours, of a DOWN section.
    """

    mid: str
    kind: Kind
    direction: Direction
    line: int | None
    payload_type: int
    rtx_type: int | None
    feedback: tuple[str, ...]
    extensions: dict[str, int]
    rids: tuple[str, ...] = ()
    ssrcs: tuple[int, ...] = ()
    repairs: tuple[tuple[int, int], ...] = ()
    ssrc: int = 0
    rtx_ssrc: int = 0

    @property
    def clock_rate(self) -> int:
        return 48000 if self.kind is Kind.AUDIO else 90000


@dataclass(frozen=True, slots=True)
class RefusedSection:
    media: str
    profile: str
    formats: str
    mid: str | None


@dataclass(frozen=True, slots=True)
class Offer:
    """What a connection is to be; `sections` in the order of the offer."""

    fingerprints: tuple[Fingerprint, ...]
    sections: tuple[Section | RefusedSection, ...]
    cname: str
    remote: Credentials

    @property
    def taken(self) -> tuple[Section, ...]:
        return tuple(section for section in self.sections if isinstance(section, Section))

    @property
    def up(self) -> tuple[Section, ...]:
        return tuple(section for section in self.taken if section.direction is Direction.UP)

    @property
    def down(self) -> tuple[Section, ...]:
        return tuple(section for section in self.taken if section.direction is Direction.DOWN)


# --- reading -------------------------------------------------------------------------------------


def read_offer(sdp: str) -> Offer:
    """Raises: Refused, for whatever is wrong with it, and nothing else."""
    if len(sdp) > LARGEST_OFFER:
        raise Refused("The browser's connection offer is too long.")
    head, *sections = _sections_of(sdp)
    if not 1 <= len(sections) <= SECTIONS:
        raise Refused(f"The browser offered {len(sections)} media sections; 1 to {SECTIONS} can be.")
    if not all(map(_read_soon, (head, *sections))):
        raise Refused("The browser's connection offer is too long.")
    try:
        return _understood(read_description(sdp), [_layers_of(lines) for lines in sections])
    except Refused:
        raise
    except MalformedDescription as error:
        raise Refused("The browser's connection offer could not be read.") from error
    except Exception as error:  # an offer that parses may still be rubbish in ways that nobody listed
        raise Refused("The browser's connection offer could not be understood.") from error


def _sections_of(sdp: str) -> list[list[str]]:
    """The lines before the first section, and those of each."""
    sections: list[list[str]] = [[]]
    for line in sdp.splitlines():
        if line.startswith("m="):
            sections.append([])
        sections[-1].append(line)
    return sections


def _read_soon(section: list[str]) -> bool:
    """The parser compares the lines of a section with each of its codecs and sources; within these bounds, and not
    without them, that is soon done.
    """
    return (
        len(section) <= LINES
        and all(len(line) <= LONGEST_LINE for line in section)
        and sum(line.startswith("a=rtpmap:") for line in section) <= CODECS
        and sum(line.startswith("a=rtcp-fb:*") for line in section) <= FOR_ALL_CODECS
    )


def _understood(session: SessionDescription, layers: list[tuple[str, ...]]) -> Offer:
    bundled = {str(mid) for group in session.group if group.semantic == "BUNDLE" for mid in group.items}
    roles = _roles(session.media, bundled)
    sections = [
        _section(media, role, rids) if role else _refused(media)
        for media, role, rids in zip(session.media, roles, layers, strict=True)
    ]
    taken = [section for section in sections if isinstance(section, Section)]
    if not taken:
        raise Refused("The browser offered no sound and no picture in a form known here.")
    if len({section.mid for section in taken}) != len(taken):
        raise Refused("The browser's connection offer names two sections alike.")
    remote = _credentials(next(each for each in session.media if each.rtp.muxId == taken[0].mid))
    return Offer(_fingerprints(session.media), tuple(sections), secrets.token_hex(8), remote)


def _credentials(media: MediaDescription) -> Credentials:
    """Of the section that carries all others (RFC 9143 section 7.3.1)."""
    ufrag = (media.ice and media.ice.usernameFragment) or ""
    password = (media.ice and media.ice.password) or ""
    if not (_ICE_UFRAG.match(ufrag) and _ICE_PASSWORD.match(password)):
        raise Refused("The browser's connection offer could not be understood.")
    return Credentials(ufrag, password)


@dataclass(frozen=True, slots=True)
class _Role:
    kind: Kind
    direction: Direction
    line: int | None = None


def _roles(media: list[MediaDescription], bundled: set[str]) -> list[_Role | None]:
    """What each section is for, by the rules at the head of this file."""
    roles: list[_Role | None] = [None] * len(media)
    usable = [index for index, each in enumerate(media) if _usable(each) and each.rtp.muxId in bundled]
    sends = [index for index in usable if media[index].direction in ("sendonly", "sendrecv", None)]
    receives = [index for index in usable if media[index].direction == "recvonly"]
    for index, kind in _sent(media, sends):
        roles[index] = _Role(kind, Direction.UP)
    sounds = [index for index in receives if media[index].kind == "audio"]
    pictures = [index for index in receives if media[index].kind == "video"]
    for line, (sound, picture) in enumerate(zip(sounds, pictures, strict=False)):
        roles[sound] = _Role(Kind.AUDIO, Direction.DOWN, line)
        roles[picture] = _Role(Kind.CAMERA, Direction.DOWN, line)
    if len(pictures) > len(sounds):
        roles[pictures[-1]] = _Role(Kind.DOCUMENT, Direction.DOWN)
    return roles


def _sent(media: list[MediaDescription], sends: list[int]) -> list[tuple[int, Kind]]:
    sounds = [index for index in sends if media[index].kind == "audio"]
    pictures = [index for index in sends if media[index].kind == "video"]
    return [
        *zip(sounds, (Kind.AUDIO,), strict=False),
        *zip(pictures, (Kind.CAMERA, Kind.DOCUMENT), strict=False),
    ]


def _usable(media: MediaDescription) -> bool:
    return (
        media.kind in ("audio", "video")
        and media.rtcp_mux
        and _TOKEN.match(media.rtp.muxId or "") is not None
        and _main_type(media) is not None
        and media.dtls is not None
        and media.dtls.role != "server"
    )


def _main_type(media: MediaDescription) -> int | None:
    wanted = ("audio/opus", 48000) if media.kind == "audio" else ("video/vp8", 90000)
    for codec in media.rtp.codecs:
        number = codec.payloadType
        if number is None or number not in media.fmt or number > 127:
            continue
        if (codec.mimeType.lower(), codec.clockRate) == wanted:
            return number
    return None


def _section(media: MediaDescription, role: _Role, rids: tuple[str, ...]) -> Section:
    main = _main_type(media)
    if main is None:
        raise Refused("The browser offered no codec that is known here.")
    upward = role.direction is Direction.UP
    feedback = _feedback(media, main, role)
    repairs = _repairs(media)
    repairing = {rtx for rtx, _ in repairs}
    return Section(
        mid=media.rtp.muxId,
        kind=role.kind,
        direction=role.direction,
        line=role.line,
        payload_type=main,
        rtx_type=_rtx_type(media, main),
        feedback=feedback,
        extensions=_extensions(media, role, feedback),
        rids=rids if upward and role.kind is Kind.CAMERA else (),
        ssrcs=tuple(each.ssrc for each in media.ssrc if each.ssrc not in repairing),
        repairs=repairs,
        ssrc=0 if upward else _new_ssrc(),
        rtx_ssrc=0 if upward else _new_ssrc(),
    )


def _new_ssrc() -> int:
    return 1 + secrets.randbelow(2**_SSRC_BITS - 1)


def _rtx_type(media: MediaDescription, main: int) -> int | None:
    for codec in media.rtp.codecs:
        number = codec.payloadType
        if number is None or number not in media.fmt or number > 127:
            continue
        if codec.mimeType.lower() == "video/rtx" and codec.parameters.get("apt") == main:
            return number
    return None


def _feedback(media: MediaDescription, main: int, role: _Role) -> tuple[str, ...]:
    """The feedback messages of RFC 4585 and 5104 that we speak and the offer knows. Upward we estimate (REMB);
    of pictures that go down the browser reports each arrival, where it can.
    """
    offered = {
        f"{each.type} {each.parameter}" if each.parameter else each.type
        for codec in media.rtp.codecs
        if codec.payloadType == main
        for each in codec.rtcpFeedback
    }
    if media.kind == "audio":
        return ()
    numbered = any(each.uri == TRANSPORT_NUMBER and 1 <= each.id <= 14 for each in media.rtp.headerExtensions)
    again = (
        _rtx_type(media, main) is not None
    )  # without it a repetition is the same bytes, with the same number
    reports = role.direction is Direction.DOWN and numbered and again and "transport-cc" in offered
    wanted = ("transport-cc" if reports else "goog-remb", "ccm fir", "nack", "nack pli")
    return tuple(each for each in wanted if each in offered)


def _extensions(media: MediaDescription, role: _Role, feedback: tuple[str, ...]) -> dict[str, int]:
    """The header extensions of this section that we write or read, by their numbers in the offer."""
    known = {each.uri: each.id for each in media.rtp.headerExtensions if 1 <= each.id <= 14}
    if role.direction is Direction.UP:
        wanted: tuple[str, ...] = EXTENSIONS
    elif "transport-cc" in feedback:
        wanted = (TRANSPORT_NUMBER, MID)
    else:
        wanted = (MID, AUDIO_LEVEL) if role.kind is Kind.AUDIO else (MID, ABS_SEND_TIME)
    return {uri: known[uri] for uri in wanted if uri in known}


def _repairs(media: MediaDescription) -> tuple[tuple[int, int], ...]:
    """RTX SSRC and the one it repeats, RFC 5576 section 4.2 and RFC 4588 section 8.1."""
    return tuple(
        (int(group.items[1]), int(group.items[0]))
        for group in media.ssrc_group
        if group.semantic == "FID" and len(group.items) == 2
    )


def _refused(media: MediaDescription) -> RefusedSection:
    formats = " ".join(str(each) for each in media.fmt if _FORMAT.match(str(each)))
    mid = media.rtp.muxId
    return RefusedSection(
        media.kind if media.kind in ("audio", "video", "application") else "application",
        media.profile,
        formats or "0",
        mid if mid and _TOKEN.match(mid) else None,
    )


def _fingerprints(media: list[MediaDescription]) -> tuple[Fingerprint, ...]:
    """Those of the first section that is used: with everything bundled, all are the same certificate."""
    for each in media:
        if _usable(each) and each.dtls is not None:
            known = tuple(
                Fingerprint(printed.algorithm.lower(), printed.value.upper())
                for printed in each.dtls.fingerprints
                if _FINGERPRINT.match(printed.value)
                and _SIZES.get(printed.algorithm.lower()) == len(printed.value)
            )
            if known:
                return known
    raise Refused("The browser's connection offer has no certificate that could be checked.")


def _layers_of(section: list[str]) -> tuple[str, ...]:
    """The layers that the section offers to send, in the order of its `a=simulcast` line (aiortc drops both)."""
    lines = [line for line in section if line.startswith("a=simulcast:")]
    return _simulcast(lines[-1].removeprefix("a=simulcast:")) if lines else ()


def _simulcast(value: str) -> tuple[str, ...]:
    """RFC 8853: `send l;h recv …`; of alternatives the first; a leading tilde means paused at first."""
    words = value.split()
    if "send" not in words[:-1]:
        return ()
    streams = words[words.index("send") + 1].split(";")
    names = dict.fromkeys(stream.split(",")[0].removeprefix("~") for stream in streams)
    return tuple(name for name in names if _TOKEN.match(name))[:LAYERS]
