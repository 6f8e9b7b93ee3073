"""Offers broken in every way: refused in a sentence, or answered in well-formed words, and either soon."""

import random
import re
import time

import pytest
from aiortc import RTCPeerConnection
from bare_page import RTX, VP8, BarePage

from media.adapter import Fingerprint, read_description
from media.addresses import Candidate
from media.answer import OurSide, write_answer
from media.description import CODECS, FOR_ALL_CODECS, LARGEST_OFFER, LINES, LONGEST_LINE, Refused, read_offer

OURS = OurSide(
    "ufrag", "password" * 4, Fingerprint("sha-256", ":".join(["AB"] * 32)), (Candidate("192.0.2.1", 4711),)
)
SOON = 2.0  # seconds of this process alone, on a slow machine; what blows up takes half a minute
KNOWN_LINE = re.compile(r"^(v=0|o=- \d+ 1 IN IP4 192\.0\.2\.1|s=-|t=0 0|c=IN IP4 [0-9.]+|a=[!-~][ -~]*)$")
SECTION = re.compile(r"^m=(audio|video|application) (0|4711) [A-Z/]+( [A-Za-z0-9-]+)+$")


def like_chromium():
    return BarePage().offer(lines=12, sends=("audio", "camera", "document"), rids=("l", "h"))


def like_firefox():
    """Every section but the first has port 0, and each names the codecs for itself."""
    head, first, *others = BarePage().offer(lines=3).split("m=")
    bundle_only = [re.sub(r"^(\w+) 9 ", r"\1 0 ", one) + "a=bundle-only\r\n" for one in others]
    return "m=".join([head, first, *bundle_only]).replace("a=rtcp-fb:96", "a=rtcp-fb:*")


async def of_aiortc():
    connection = RTCPeerConnection()
    for kind, direction in (
        ("audio", "sendonly"),
        ("video", "sendonly"),
        ("audio", "recvonly"),
        ("video", "recvonly"),
    ):
        connection.addTransceiver(kind, direction=direction)
    connection.createDataChannel("x")
    offer = await connection.createOffer()
    await connection.close()
    return offer.sdp


@pytest.fixture
async def offers():
    return [like_chromium(), like_firefox(), await of_aiortc()]


def answer_to(sdp):
    """The answer, found well-formed, or None where the offer was refused in a sentence."""
    began = time.process_time()
    try:
        offer = read_offer(sdp)
    except Refused as refusal:
        assert re.fullmatch(r"[A-Z].{10,150}\.", str(refusal))
        return None
    finally:
        assert time.process_time() - began < SOON
    answer = write_answer(offer, OURS)
    lines = answer.split("\r\n")
    assert lines.pop() == ""
    sections = [line for line in lines if line.startswith("m=")]
    assert all(SECTION.match(line) if line.startswith("m=") else KNOWN_LINE.match(line) for line in lines)
    assert len(sections) == len(offer.sections) == len(read_description(sdp).media)
    bundled = next(line for line in lines if line.startswith("a=group:BUNDLE ")).split()[1:]
    assert len(bundled) == len(set(bundled)) == len(offer.taken)
    read = read_description(answer)
    assert [media.rtp.muxId for media in read.media if media.port] == bundled
    for section in offer.taken:
        assert 0 <= section.payload_type <= 127
        assert all(1 <= number <= 14 for number in section.extensions.values())
    return answer


async def test_the_offers_as_they_are_are_answered(offers):
    for sdp in offers:
        assert answer_to(sdp) is not None


def spoiled(line, seeded):
    cut = seeded.randrange(len(line) + 1)
    number = re.sub(
        r"\d+", lambda _: str(seeded.choice((0, -1, 127, 128, 255, 2**31, 10**40))), line, count=1
    )
    odd = chr(seeded.choice((0, 9, 11, 13, 28, 0x85, 0xA0, 0x2028, 0x661, 0x202E, 0x1F600, 0xD800)))
    return seeded.choice(
        (
            line[:cut],
            line[cut:],
            line[:cut] + odd + line[cut:],
            number,
            line * 2,
            line[:cut] + " " + line[cut:],
            "",
        )
    )


def mangled(lines, seeded):
    """Lines spoiled, repeated, moved to elsewhere, taken from another section, or left out."""
    lines = list(lines)
    for _ in range(seeded.randrange(1, 7)):
        at, other = seeded.randrange(len(lines)), seeded.randrange(len(lines))
        choice = seeded.randrange(6)
        if choice < 2:
            lines[at] = spoiled(lines[at], seeded)
        elif choice == 2:
            lines.insert(at, lines[other])
        elif choice == 3:
            lines[at], lines[other] = lines[other], lines[at]
        elif choice == 4:
            del lines[at : at + seeded.choice((1, 1, 1, 20))]
        else:
            attribute = lines[at].partition(":")[0]
            lines[at] = f"{attribute}:{lines[other].partition(':')[2]}"
        lines = lines or [""]
    return "\r\n".join(lines)


async def test_mangled_offers_are_refused_or_answered_well(offers):
    seeded = random.Random(130)
    outcomes = {True: 0, False: 0}
    for number in range(1500):
        lines = seeded.choice(offers[1:] if number % 4 else offers).split("\r\n")
        outcomes[answer_to(mangled(lines, seeded)) is None] += 1
    assert outcomes[True] > 200
    assert outcomes[False] > 200


GIANTS = {
    "sources": lambda n: f"a=ssrc:{n} c:x\n",
    "pairs of sources": lambda n: f"a=ssrc:{n} c:x\na=ssrc-group:FID {n + 1} {n}\n",
    "codecs": lambda n: f"a=rtpmap:{n % 90} x/1\n",
    "feedback for all codecs": lambda n: f"a=rtpmap:{n % 90} x/1\na=rtcp-fb:* nack\n",
    "feedback": lambda n: f"a=rtcp-fb:96 n{n}\n",
    "parameters": lambda _: "a=fmtp:97 apt=96\n",
    "extensions": lambda n: f"a=extmap:{n % 14 + 1} x\n",
    "certificates": lambda _: "a=fingerprint:sha-256 " + ":".join(["AB"] * 32) + "\n",
    "candidates": lambda _: "a=candidate:1 1 udp 1 1.1.1.1 1 typ host\n",
    "groups": lambda n: f"a=ssrc-group:FID {n} {n} \n",
    "sections": lambda _: "m=audio 9 X 0\n",
    "formats": lambda n: "m=video 9 X 96\n" if not n else " 96",
    "one number": lambda n: "a=ssrc:" if not n else "1" * 64,
    "blanks": lambda n: "a=simulcast:send " if not n else " ~;,",
    "largest sections": lambda n: (
        "m=video 9 X 96\n"
        if n % LINES == 0
        else f"a=rtpmap:{n % LINES} x/1\n"
        if n % LINES < CODECS
        else "a=rtcp-fb:6 n\n"
    ),
    "sections for all codecs": lambda n: (
        "m=video 9 X 96\n"
        if n % (CODECS + FOR_ALL_CODECS) == 0
        else f"a=rtpmap:{n} x/1\n"
        if n % (CODECS + FOR_ALL_CODECS) < CODECS
        else "a=rtcp-fb:* n\n"
    ),
}


@pytest.mark.parametrize("what", GIANTS)
@pytest.mark.parametrize("first", [True, False], ids=["alone", "after a good offer"])
async def test_an_offer_of_giant_counts_is_dealt_with_soon(what, first):
    good = "" if first else BarePage().offer(lines=1)
    parts, size, number = [good], len(good), 0
    while size < LARGEST_OFFER:
        parts.append(GIANTS[what](number))
        size += len(parts[-1])
        number += 1
    answer_to("".join(parts)[:LARGEST_OFFER])


async def test_an_offer_at_the_bounds_is_answered():
    sdp = BarePage().offer(lines=0, document=False, sends=("camera",))
    lines = sdp.split("\r\n")[:-1]
    begins = next(at for at, line in enumerate(lines) if line.startswith("m="))
    more = [f"a=rtpmap:{number} x/90000" for number in range(CODECS - 2)] + ["a=rtcp-fb:* x"] * FOR_ALL_CODECS
    more += ["a=x:" + "y" * (LONGEST_LINE - 4)]
    more += ["a=x"] * (LINES - (len(lines) - begins) - len(more))
    assert answer_to("\r\n".join([*lines, *more, ""])) is not None
    for one in ("a=x", f"a=rtpmap:{RTX} x/90000", "a=rtcp-fb:* x", "a=x:" + "y" * LONGEST_LINE):
        spare = [line for line in more if line != "a=x"] if one != "a=x" else more
        with pytest.raises(Refused, match="too long"):
            read_offer("\r\n".join([*lines, *spare, one, ""]))


async def test_the_same_layer_twice_is_one():
    sdp = BarePage().offer(rids=("l", "h")).replace("send l;h", "send l;l;h;h;l")
    assert "a=simulcast:recv l;h\r\n" in answer_to(sdp)
    assert f"{VP8} {RTX}" in sdp
