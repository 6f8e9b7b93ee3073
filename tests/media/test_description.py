"""Offers understood, refused and answered; the answer is read back with aiortc's parser."""

import re

import pytest
from bare_page import OPUS, RTX, VP8, BarePage

from media.adapter import Fingerprint, read_description
from media.addresses import Candidate
from media.answer import OurSide, write_answer
from media.channels import Kind
from media.description import (
    LARGEST_OFFER,
    SECTIONS,
    Direction,
    Refused,
    read_offer,
)
from media.rtp_header import ABS_SEND_TIME, AUDIO_LEVEL, MID

FINGERPRINT = Fingerprint("sha-256", ":".join(["AB"] * 32))
OURS = OurSide("ufrag", "password" * 4, FINGERPRINT, (Candidate("192.0.2.1", 4711),))


def offer(**parts):
    return BarePage().offer(**parts)


def answered(sdp):
    return write_answer(read_offer(sdp), OURS)


def sections(answer):
    return [f"m={part}" for part in answer.split("m=")[1:]]


async def test_sending_and_receiving_sections_are_told_apart():
    read = read_offer(offer(lines=2, sends=("audio", "camera", "document")))
    assert [(each.kind, each.direction, each.line) for each in read.taken] == [
        (Kind.AUDIO, Direction.UP, None),
        (Kind.CAMERA, Direction.UP, None),
        (Kind.DOCUMENT, Direction.UP, None),
        (Kind.AUDIO, Direction.DOWN, 0),
        (Kind.CAMERA, Direction.DOWN, 0),
        (Kind.AUDIO, Direction.DOWN, 1),
        (Kind.CAMERA, Direction.DOWN, 1),
        (Kind.DOCUMENT, Direction.DOWN, None),
    ]


async def test_pairs_are_counted_by_kind_whatever_their_order():
    page = BarePage()
    page.offer()
    head = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE a b c d e\r\n"
    made = [
        page._section(kind, mid, "recvonly")
        for kind, mid in (
            ("camera", "a"),
            ("camera", "b"),
            ("audio", "c"),
            ("audio", "d"),
            ("document", "e"),
        )
    ]
    taken = read_offer(head + "".join(made)).taken
    assert [(each.mid, each.kind, each.line) for each in taken] == [
        ("a", Kind.CAMERA, 0),
        ("b", Kind.CAMERA, 1),
        ("c", Kind.AUDIO, 0),
        ("d", Kind.AUDIO, 1),
        ("e", Kind.DOCUMENT, None),
    ]


async def test_the_answer_is_ice_lite_passive_bundled_and_uses_the_offers_numbers():
    sdp = offer(lines=1)
    answer = answered(sdp)
    assert "\r\na=ice-lite\r\n" in answer
    assert "a=group:BUNDLE s0 s1 r0a r0c rd\r\n" in answer
    for section in sections(answer):
        assert "a=setup:passive\r\n" in section
        assert "a=rtcp-mux\r\n" in section
        assert "a=candidate:1 1 udp 2130706431 192.0.2.1 4711 typ host\r\n" in section
    read = read_description(answer)
    sound, camera, line_sound, line_camera, document = read.media
    assert sound.direction == camera.direction == "recvonly"
    assert line_sound.direction == line_camera.direction == document.direction == "sendonly"
    assert sound.fmt == [OPUS]
    assert sound.rtp.codecs[0].parameters == {"minptime": 10, "useinbandfec": 1, "usedtx": "0"}
    assert camera.fmt == [VP8, RTX]
    assert {(each.uri, each.id) for each in sound.rtp.headerExtensions} >= {
        (MID, 1),
        (AUDIO_LEVEL, 2),
        (ABS_SEND_TIME, 3),
    }
    feedback = {(each.type, each.parameter) for each in camera.rtp.codecs[0].rtcpFeedback}
    assert feedback == {("nack", None), ("nack", "pli"), ("ccm", "fir"), ("goog-remb", None)}


async def test_both_families_are_offered_in_turn_and_who_reads_no_candidates_is_told_ipv4():
    places = [("2001:db8::1", 1), ("2001:db8::2", 2), ("192.0.2.1", 3), ("2001:db8::1", 1), ("192.0.2.2", 4)]
    ours = OurSide("ufrag", "password" * 4, FINGERPRINT, tuple(Candidate(*place) for place in places))
    for media in read_description(write_answer(read_offer(offer(lines=1)), ours)).media:
        assert (media.host, media.port) == ("192.0.2.1", 3)
        told = sorted(media.ice_candidates, key=lambda each: -each.priority)
        assert told == media.ice_candidates
        assert [(each.ip, each.port) for each in told] == [places[0], places[2], places[1], places[4]]
        assert [each.priority for each in told] == [2130706431 - 256 * n for n in range(4)]
        assert len({each.foundation for each in told}) == 4


async def test_where_there_is_only_ipv6_it_is_the_default():
    ours = OurSide("ufrag", "password" * 4, FINGERPRINT, (Candidate("2001:db8::1", 1),))
    answer = write_answer(read_offer(offer(lines=1)), ours)
    assert "c=IN IP6 2001:db8::1\r\n" in answer
    assert re.search(r"^o=- \d+ 1 IN IP6 2001:db8::1\r$", answer, re.MULTILINE)


async def test_a_line_is_one_msid_and_one_cname_and_lines_differ():
    read = read_description(answered(offer(lines=2)))
    streams = [each.msid.split()[0] for each in read.media if each.direction == "sendonly"]
    assert streams == ["line0", "line0", "line1", "line1", "document"]
    cnames = [each.ssrc[0].cname for each in read.media if each.direction == "sendonly"]
    assert cnames[0] == cnames[1]
    assert cnames[2] == cnames[3]
    assert len(set(cnames)) == 3
    assert len({each.ssrc[0].ssrc for each in read.media if each.direction == "sendonly"}) == 5


async def test_layers_are_read_in_order_and_answered():
    sdp = offer(rids=("l", "h"))
    assert read_offer(sdp).up[1].rids == ("l", "h")
    assert "a=rid:l recv\r\na=rid:h recv\r\na=simulcast:recv l;h\r\n" in answered(sdp)
    paused = sdp.replace("a=simulcast:send l;h", "a=simulcast:recv x send l,m;~h")
    assert read_offer(paused).up[1].rids == ("l", "h")


async def test_what_is_not_known_gets_port_zero():
    extra = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:data\r\na=sctp-port:5000\r\n"
    answer = answered(offer(lines=1) + extra)
    assert sections(answer)[-1].startswith("m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n")
    assert "a=group:BUNDLE s0 s1 r0a r0c rd\r\n" in answer
    third = offer(sends=("audio", "camera", "document"), lines=0, document=False)
    h264 = third.replace(f"a=rtpmap:{VP8} VP8/90000", f"a=rtpmap:{VP8} H264/90000")
    assert [section.split("\r\n")[0].split()[1] for section in sections(answered(h264))] == ["4711", "0", "0"]


async def test_vp8_is_found_behind_another_codec_and_under_another_number():
    """As Safari offers it: H.264 first, and candidates by names that only its own network knows."""
    sdp = offer(lines=1, rids=("l", "h"))
    h264 = "a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1;profile-level-id=42e01f\r\n"
    sdp = re.sub(rf"(a=(?:rtpmap|rtcp-fb):){VP8} ", r"\g<1>100 ", sdp).replace(f"apt={VP8}", "apt=100")
    sdp = sdp.replace(f"SAVPF {VP8} {RTX}", f"SAVPF 96 100 {RTX}")
    sdp = sdp.replace("a=rtpmap:100 VP8", h264 + "a=rtpmap:100 VP8")
    name = "00000000-0000-4000-8000-000000000001.local"
    sdp = sdp.replace(
        "a=rtcp-mux\r\n", f"a=candidate:1 1 udp 2113937151 {name} 50000 typ host\r\na=rtcp-mux\r\n"
    )
    camera = read_offer(sdp).up[1]
    assert (camera.payload_type, camera.rtx_type, camera.rids) == (100, RTX, ("l", "h"))
    answer = answered(sdp)
    assert "H264" not in answer
    assert name not in answer
    assert read_description(answer).media[1].fmt == [100, RTX]


async def test_a_section_offered_for_the_bundle_only_is_taken():
    """Firefox gives every section but the first port 0 (RFC 8843 section 7.2.1); a stopped one is in no bundle."""
    first, *others = offer(lines=1).split("m=")[1:]
    head = offer(lines=1).split("m=")[0]
    bundle_only = [re.sub(r"^(\w+) 9 ", r"\1 0 ", one) + "a=bundle-only\r\n" for one in others]
    assert [one.split()[1] for one in bundle_only] == ["0"] * len(others)
    firefox = "m=".join([head, first, *bundle_only])
    assert [each.mid for each in read_offer(firefox).taken] == ["s0", "s1", "r0a", "r0c", "rd"]
    stopped = firefox.replace("a=group:BUNDLE s0 s1 ", "a=group:BUNDLE s0 ")
    assert [one.split()[1] for one in sections(answered(stopped))][:2] == ["4711", "0"]


async def test_an_existing_rtx_pair_is_read():
    sdp = offer(lines=0, document=False, sends=("audio", "camera"), ssrcs={"audio": 1, "camera": 2})
    sdp += "a=ssrc:3 cname:x\r\na=ssrc-group:FID 2 3\r\n"
    camera = read_offer(sdp).up[1]
    assert (camera.ssrcs, camera.repairs, camera.rtx_type) == ((2,), ((3, 2),), RTX)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda sdp: sdp.replace("a=fingerprint:sha-256", "a=fingerprint:md5"), "certificate"),
        (lambda sdp: sdp.replace("a=setup:actpass", "a=setup:passive"), "no sound"),
        (lambda sdp: sdp.replace("a=rtcp-mux\r\n", ""), "no sound"),
        (lambda sdp: sdp.replace("a=group:BUNDLE", "a=group:LS"), "no sound"),
        (lambda sdp: sdp.replace("a=mid:r0a", "a=mid:s0"), "alike"),
        (lambda sdp: sdp + "m=audio 9 RTP/AVP 0\r\n" * SECTIONS, "media sections"),
        (lambda _: "v=0\r\n", "media sections"),
        (lambda _: "", "media sections"),
        (lambda sdp: sdp.replace("a=setup:actpass", "a=setup:"), "read"),
        (lambda sdp: sdp + "x" * LARGEST_OFFER, "too long"),
        (lambda sdp: sdp.replace("m=audio 9", "m=audio nine"), "read"),
    ],
)
async def test_an_offer_that_cannot_be_taken_is_refused_in_a_sentence(change, words):
    with pytest.raises(Refused, match=words):
        read_offer(change(offer()))


@pytest.mark.parametrize("odd", ["", "abc", "a b c d", "x" * 257, "line\tfeed"])
@pytest.mark.parametrize("which", ["ice-ufrag", "ice-pwd"])
async def test_an_offer_without_usable_credentials_is_refused(which, odd):
    sdp = re.sub(rf"a={which}:.*", f"a={which}:{odd}", BarePage().offer())
    with pytest.raises(Refused, match="could not be"):
        read_offer(sdp)


async def test_the_credentials_are_those_of_the_section_that_carries_all():
    page = BarePage()
    assert read_offer(page.offer()).remote == (page.ufrag, page.password)


async def test_nothing_of_the_offer_can_add_lines_to_the_answer():
    page = BarePage()
    sdp = page.offer().replace("a=mid:s0", "a=mid:s0 a=evil").replace("a=mid:s1", "a=mid:" + "x" * 17)
    taken = read_offer(sdp).taken
    assert {each.mid for each in taken}.isdisjoint({"s0 a=evil", "x" * 17})
