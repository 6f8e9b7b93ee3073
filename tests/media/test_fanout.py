"""Who gets which packet, seen on the wire: the table, the lines, layers, requests and reports."""

import asyncio
import random
import time

import pytest
from bare_page import RTX, until
from house import floor, flushed, opened, speak

from media import publisher
from media.channels import Channel, Kind, Seat
from media.control import (
    Joined,
    Lined,
    Pictured,
)
from media.rtcp import (
    SenderFigures,
    nack,
    ntp_of,
    pli,
    receiver_report,
    remb,
    seconds_of,
    sender_report,
)
from media.rtp_header import extension_block, read_rtp, read_vp8


@pytest.fixture
async def house():
    async with opened() as house:
        yield house


async def test_sound_and_picture_reach_the_other_and_not_oneself(house):
    house.conduct(*floor("judge", "witness"))
    judge, witness = await house.page("judge"), await house.page("witness")
    for _ in range(20):
        witness.say()
        witness.show(key=True)
        await asyncio.sleep(0.005)
    await until(lambda: len(judge.heard("audio")) == 20 and judge.heard("camera"))
    assert witness.wire_rtp() == []
    assert [fact.place for fact in house.of(Joined)] == ["judge", "witness"]
    packets = judge.heard("audio")
    assert [packet.payload for packet in packets] == [b"\x78sound"] * 20
    assert packets[0].extensions[1] == judge.mids["audio", 0].encode()
    assert packets[0].extensions[2] == bytes([30])
    lined = [each for each in house.sent if isinstance(each, Lined) and each.place == "judge"]
    assert lined[-1].lines == [(0, "witness")]


def seat(place, channel):
    return Seat(place=place, channel=Channel(channel))


async def test_every_denied_pair_is_silent_on_the_wire(house):
    places = ("a", "b", "c", "d")
    house.conduct(*floor(*places))
    pages = {place: await house.page(place, lines=4) for place in places}
    rows = [(source, listener, kind) for source in places for listener in places for kind in Kind]
    sent = {place: (page.ssrcs["audio"], page.ssrcs["camera"]) for place, page in pages.items()}
    assert len({ssrc for pair in sent.values() for ssrc in pair}) == 8
    for allowed in rows:
        source, listener, kind = allowed
        if source == listener or kind is Kind.DOCUMENT:
            continue
        house.conduct(*floor(*places), allowed=[allowed])
        for page in pages.values():
            page.wire.clear()
        await speak(pages.values(), rounds=2)
        await flushed(*pages.values())
        got = {place for place, page in pages.items() if page.wire_rtp()}
        assert got <= {listener}, allowed
        await until(lambda listener=listener: pages[listener].wire_rtp(), what=f"{allowed} on the wire")


async def test_channels_and_the_waiting_room_keep_apart(house):
    seats = [seat("a", "floor"), seat("b", "floor"), seat("c", "consultation"), seat("d", "consultation")]
    house.conduct(*seats, seat("e", "waiting"), armed=True)
    pages = {place: await house.page(place, lines=4) for place in "abcde"}
    await speak(pages.values())
    await flushed(*pages.values())
    await until(lambda: pages["b"].heard("camera") and pages["d"].heard("camera"))
    assert pages["e"].wire_rtp() == []
    assert {track for track, _ in house.recorder.packets} == {
        f"{place:a<8}-{kind}" for place in "ab" for kind in ("audio", "camera")
    }
    for place in "abcd":
        lined = [each for each in house.sent if isinstance(each, Lined) and each.place == place][-1]
        assert [who for _, who in lined.lines] == [{"a": "b", "b": "a", "c": "d", "d": "c"}[place]]


def interpreting(language):
    """A judge and a clerk on the floor, a witness who chose French, and an interpreter who speaks there or into it."""
    return [
        *floor("judge", "clerk"),
        Seat(place="witness", channel="floor", hears="fr"),
        Seat(place="interpreter", channel="floor", interprets=language),
    ]


async def test_an_interpretation_reaches_who_chose_it_and_not_a_byte_anybody_else(house):
    house.conduct(*interpreting("fr"), armed=True)
    people = ("judge", "clerk", "witness", "interpreter")
    pages = {place: await house.page(place, lines=4) for place in people}
    interpreter = pages["interpreter"]
    for _ in range(10):
        interpreter.say(b"aside")
        pages["judge"].say(b"floor")
    await until(lambda: pages["witness"].sounds().count(b"aside") == 10)
    await flushed(*pages.values())
    assert pages["judge"].wire_rtp() == []
    assert pages["clerk"].sounds() == [b"floor"] * 10
    assert pages["witness"].sounds().count(b"floor") == 10, "who chose a language hears the floor as well"
    assert interpreter.sounds() == [b"floor"] * 10
    interpreter.show()
    await until(lambda: len(pages["judge"].wire_rtp()) == 1, what="the picture goes to everybody")
    assert {track for track, _ in house.recorder.packets} == {
        "judgeaaa-audio",
        *("interpre-interpretation", "interpre-camera"),
    }


async def test_an_interpreter_goes_to_the_floor_and_back_between_two_packets(house):
    house.conduct(*interpreting(None), armed=True)
    pages = {place: await house.page(place, lines=4) for place in ("judge", "witness", "interpreter")}
    interpreter, ssrc = pages["interpreter"], pages["interpreter"].ssrcs["audio"]
    report = sender_report(SenderFigures(ssrc, ntp_of(1e9), 1, 1, 1), "x")
    for language, said in (
        (None, b"floor 1"),
        ("fr", b"channel 1"),
        (None, b"floor 2"),
        ("fr", b"channel 2"),
    ):
        house.conduct(*interpreting(language), armed=True)
        interpreter.say(said)
        interpreter.send_rtcp(report)
        await flushed(interpreter)
    await until(lambda: len(pages["witness"].sounds()) == 4)
    assert pages["witness"].sounds() == [b"floor 1", b"channel 1", b"floor 2", b"channel 2"]
    assert pages["judge"].sounds() == [b"floor 1", b"floor 2"]
    tracks = ["interpre-audio", "interpre-interpretation"] * 2
    assert [track for track, _ in house.recorder.packets] == tracks
    assert [track for track, _ in house.recorder.reports] == tracks
    assert house.recorder.reasons[-3:] == [
        ("interpre-audio", "not-sent"),
        ("interpre-interpretation", "not-sent"),
        ("interpre-audio", "not-sent"),
    ]


async def test_a_private_consultation_begins_and_ends_without_a_packet_astray(house):
    """Counted on the wire of each page and at the recorder, over both changes of the table."""
    places = ("judge", "clerk", "witness", "lawyer")
    within = [seat("witness", "consultation"), seat("lawyer", "consultation")]
    shut = [Seat(place=place, channel="floor", muted={Kind.AUDIO}) for place in ("witness", "lawyer")]
    house.conduct(*floor(*places), armed=True)
    pages = {place: await house.page(place, lines=4) for place in places}
    await speak(pages.values())
    await until(lambda: all(len(page.sounds()) == 15 for page in pages.values()))

    house.conduct(*floor("judge", "clerk"), *within, armed=True)
    house.recorder.packets.clear()
    for page in pages.values():
        page.wire.clear()
        page.rtp.clear()
    for place, page in pages.items():
        for _ in range(20):
            page.say(b"of " + place.encode())
            page.show(tag=b"of " + place.encode())
    await until(lambda: len(pages["witness"].sounds()) == len(pages["clerk"].sounds()) == 20)
    await flushed(*pages.values())
    for place, other in {
        "judge": "clerk",
        "clerk": "judge",
        "witness": "lawyer",
        "lawyer": "witness",
    }.items():
        assert set(pages[place].sounds()) == {b"of " + other.encode()}
        assert set(pages[place].pictures()) <= {b"of " + other.encode()}
    assert {track for track, _ in house.recorder.packets} == {
        f"{place:a<8}-{kind}" for place in ("judge", "clerk") for kind in ("audio", "camera")
    }

    house.conduct(*floor("judge", "clerk"), *shut, armed=True)
    house.recorder.packets.clear()
    pages["lawyer"].say(b"still speaking")
    pages["lawyer"].show(tag=b"seen again")
    await until(lambda: b"seen again" in pages["judge"].pictures())
    assert b"still speaking" not in {payload for page in pages.values() for payload in page.sounds()}
    assert {track for track, _ in house.recorder.packets} == {"lawyeraa-camera"}


async def test_a_new_table_holds_from_the_next_packet_on(house):
    house.conduct(*floor("judge", "witness"))
    judge, witness = await house.page("judge"), await house.page("witness")
    witness.say(b"before")
    await until(lambda: len(judge.heard("audio")) == 1)
    for _ in range(10):
        witness.say(b"denied")
    house.conduct(*floor("judge"), Seat(place="witness", channel="floor", muted={Kind.AUDIO}))
    await flushed(witness)
    house.conduct(*floor("judge", "witness"))
    witness.say(b"after")
    await until(lambda: len(judge.heard("audio")) == 2)
    first, second = judge.heard("audio")
    assert [first.payload, second.payload] == [b"before", b"after"]
    assert second.sequence == (first.sequence + 1) & 0xFFFF
    assert 0 < (second.timestamp - first.timestamp) & 0xFFFFFFFF < 48000


async def test_no_sequence_number_carries_two_packets(house):
    """On the wire, over switches of source, denials, reordering, takeovers and repetitions."""
    await repeatedly_sent(house, rtx=False)


async def test_no_sequence_number_carries_two_packets_with_retransmissions_either(house):
    await repeatedly_sent(house, rtx=True)


async def repeatedly_sent(house, *, rtx):
    seeded = random.Random(8)
    places = ("a", "b", "c")
    house.conduct(*floor("judge", *places))
    judge = await house.page("judge", lines=1, rtx=rtx)
    pages = {place: await house.page(place) for place in places}
    for turn in range(40):
        allowed = [(place, "judge", kind) for place in places for kind in Kind if seeded.random() < 0.5]
        house.conduct(*floor("judge", *places), allowed=allowed)
        for page in pages.values():
            packets = [page.rtp_packet("audio", seeded.randbytes(20), level=1) for _ in range(6)]
            packets += [
                page.rtp_packet(
                    "camera", page.vp8(seeded.randbytes(20), key=seeded.random() < 0.5), ticks=3000
                )
                for _ in range(6)
            ]
            seeded.shuffle(packets)
            for packet in packets:
                page.send(packet)
        for ssrc in judge.line_ssrcs.values():
            judge.send_rtcp(
                nack(1, ssrc, sorted({packet.sequence for packet in map(read_rtp, judge.rtp[-30:])}))
            )
        if turn % 15 == 14:
            pages["a"] = await house.page("a")
        await flushed(*pages.values(), judge)
    wire = {}
    repeated = 0
    for datagram in judge.wire_rtp():
        key = (datagram[8:12], datagram[2:4])
        repeated += key in wire or datagram[1] & 0x7F == RTX
        assert wire.setdefault(key, datagram) == datagram
    assert repeated > 10
    assert len(wire) > 200


async def test_what_was_lost_is_repeated_identically_and_not_after_a_denial(house):
    house.conduct(*floor("judge", "witness"))
    judge, witness = await house.page("judge", rtx=False), await house.page("witness")
    witness.show(key=True)
    await until(lambda: len(judge.wire_rtp()) == 1)
    (packet,) = judge.heard("camera")
    judge.send_rtcp(nack(1, packet.ssrc, [packet.sequence]))
    await until(lambda: len(judge.wire_rtp()) == 2)
    first, second = judge.wire_rtp()
    assert first == second
    house.conduct(*floor("judge", "witness"), allowed=[])
    judge.send_rtcp(nack(1, packet.ssrc, [packet.sequence]))
    await flushed(judge)
    assert len(judge.wire_rtp()) == 2


async def test_a_picture_begins_at_a_key_frame_that_is_asked_for_at_once_and_again(house):
    house.conduct(*floor("judge", "witness"))
    judge, witness = await house.page("judge"), await house.page("witness")
    witness.show(key=False)
    await until(lambda: asked_keyframes(witness) == 1, what="a key frame asked for")
    for _ in range(5):
        witness.show(key=False)
    await flushed(witness)
    assert asked_keyframes(witness) == 1
    assert not judge.heard("camera")
    await until(lambda: asked_keyframes(witness) == 2, what="asked for again")
    witness.show(key=True, tag=b"key")
    witness.show(key=False, tag=b"delta")
    await until(lambda: len(judge.heard("camera")) == 2)
    assert [packet.payload[-3:] for packet in judge.heard("camera")] == [b"key", b"lta"]
    await asyncio.sleep(1.1)
    assert asked_keyframes(witness) == 2
    judge.send_rtcp(pli(1, judge.heard("camera")[0].ssrc))
    await until(lambda: asked_keyframes(witness) == 3, what="the listener's wish passed on")


def asked_keyframes(page):
    return sum(page.ssrcs["camera"] in feedback.keyframes for feedback in page.feedback())


async def test_the_sender_is_told_at_once_and_asked_for_what_is_missing(house):
    house.conduct(*floor("witness"))
    witness = await house.page("witness")
    witness.show()
    await until(lambda: any(feedback.bitrate for feedback in witness.feedback()), seconds=0.5)
    first = witness.feedback()[0]
    assert first.reports.keys() == {witness.ssrcs["camera"]}
    assert first.bitrate > 2_000_000
    lost = witness.rtp_packet("camera", witness.vp8(key=False))
    witness.show(key=False)
    ssrc = witness.ssrcs["camera"]
    missing = int.from_bytes(lost[2:4], "big")
    await until(lambda: any(missing in each.nacks.get(ssrc, []) for each in witness.feedback()))
    witness.send(lost)
    await flushed(witness)
    witness.rtcp.clear()
    await asyncio.sleep(0.25)
    assert not any(each.nacks for each in witness.feedback())


async def test_sender_reports_go_on_over_our_clock(house):
    house.conduct(*floor("judge", "witness"))
    judge, witness = await house.page("judge"), await house.page("witness")
    sound = read_rtp(witness.say())
    picture = read_rtp(witness.show())
    await until(lambda: judge.heard("audio") and judge.heard("camera"))
    wrong_clock = time.time() - 5000
    for packet in (sound, picture):
        figures = SenderFigures(packet.ssrc, ntp_of(wrong_clock), packet.timestamp, 1, 1)
        witness.send_rtcp(sender_report(figures, "x"))
    await until(lambda: len({ssrc for each in judge.feedback() for ssrc in each.sent}) == 2, seconds=3)
    told = {ssrc: times for each in judge.feedback() for ssrc, times in each.sent.items()}
    for kind, rate in (("audio", 48000), ("camera", 90000)):
        (packet,) = judge.heard(kind)
        ntp, rtp = told[packet.ssrc]
        assert abs(seconds_of(ntp) - time.time()) < 3
        seconds_before = ((rtp - packet.timestamp + 2**31) % 2**32 - 2**31) / rate
        assert abs(seconds_of(ntp) - seconds_before - time.time()) < 4


async def test_the_highest_layer_is_forwarded_and_recorded_and_the_low_one_where_it_is_absent(house):
    house.conduct(*floor("judge", "witness"), armed=True)
    judge, witness = await house.page("judge"), await house.page("witness", rids=("l", "h"))
    low, high = 501, 502
    for _ in range(3):
        witness.show(tag=b"low", rid="l", ssrc=low)
        witness.show(tag=b"high", rid="h", ssrc=high)
    await until(lambda: len(judge.heard("camera")) >= 3)
    witness.show(key=False, tag=b"named no more", ssrc=high)
    await until(lambda: judge.heard("camera")[-1].payload.endswith(b"named no more"))
    tail = [packet.payload[6:] for packet in judge.heard("camera")]
    assert tail[-4:] == [b"high"] * 3 + [b"named no more"]
    assert tail[:-4] in ([], [b"low"]), "what came before anybody knew of the high layer"
    for _ in range(60):
        witness.show(key=False, rid="l", ssrc=low)
        witness.show(key=False, ssrc=high)
        await asyncio.sleep(0.02)
    assert not any(feedback.keyframes for feedback in witness.feedback())
    for _ in range(100):
        witness.show(tag=b"only low", ssrc=low)
        await asyncio.sleep(0.02)
    await until(lambda: judge.heard("camera")[-1].payload.endswith(b"only low"))
    recorded = [read_rtp(data).ssrc for _, data in house.recorder.packets]
    assert recorded[len(tail) - 4 :][:4] == [high] * 4
    assert recorded[-1] == low


LOW_LAYER, HIGH_LAYER = 501, 502


async def both_layers(witness, rounds, *, key=True):
    """Pictures in both layers, a key frame in each round where they are asked for or `key`."""
    for _ in range(rounds):
        for rid, ssrc in (("l", LOW_LAYER), ("h", HIGH_LAYER)):
            asked = key or any(ssrc in feedback.keyframes for feedback in witness.feedback())
            witness.show(tag=rid.encode(), rid=rid, ssrc=ssrc, key=asked)
        witness.rtcp.clear()
        await asyncio.sleep(0.01)


def pictured(house, place):
    told = [each for each in house.sent if isinstance(each, Pictured) and each.place == place]
    return told[-1] if told else Pictured(hearing="h1", place=place, connection="", taken=None, without=[])


async def bears(house, page, bitrate):
    """The page tells what its downlink bears, and need not wait to climb."""
    page.send_rtcp(receiver_report(1, [], "x") + remb(1, bitrate=bitrate, sources=[2]))
    downlink = house.room._fanout.peers["judge"].downlink
    await until(lambda: abs(downlink.proven - bitrate) < bitrate / 10, what="the estimate taken")
    downlink._hold_until = 0.0


async def test_a_listener_is_given_the_layer_that_the_downlink_bears_and_sound_alone_below(
    house, monkeypatch
):
    monkeypatch.setattr(
        publisher.Publisher, "rate", lambda _self, _kind, rank: 1_300_000 if rank else 170_000
    )
    house.conduct(*floor("judge", "witness"), armed=True)
    judge, witness = await house.page("judge"), await house.page("witness", rids=("l", "h"))
    last = None
    for bitrate, layer in (
        (300_000, b"l"),
        (3_000_000, b"h"),
        (300_000, b"l"),
        (40_000, None),
        (3_000_000, b"h"),
    ):
        await bears(house, judge, bitrate)
        judge.rtp.clear()

        def shown(layer=layer):
            return judge.heard("camera")[-1:] and judge.heard("camera")[-1].payload[6:] == layer

        if layer is None:
            await until(lambda: pictured(house, "judge").without == [("witness", Kind.CAMERA)])
            judge.rtp.clear()
            await both_layers(witness, 10, key=False)
            await flushed(witness, judge)
            assert judge.heard("camera") == []
            witness.say(b"sound goes on")
            await until(lambda: judge.heard("audio"))
            continue
        for _ in range(100):
            if shown():
                break
            await both_layers(witness, 5, key=False)
        assert shown(), layer
        assert pictured(house, "judge").without == []
        packets = judge.heard("camera")
        numbers = [packet.sequence for packet in packets]
        first = last.sequence if last and layer != b"h" else numbers[0] - 1
        assert [(number - first) & 0xFFFF for number in numbers] == list(range(1, len(numbers) + 1))
        begins = next(packet for packet in packets if packet.payload[6:] == layer)
        assert read_vp8(begins.payload).keyframe or last is not None
        last = packets[-1]
    recorded = {read_rtp(data).ssrc for _, data in house.recorder.packets[2:]}
    assert recorded <= {HIGH_LAYER, read_rtp(witness.say()).ssrc}


async def test_who_is_shown_small_is_given_low_and_layers_nobody_takes_are_not_asked_for(house, monkeypatch):
    monkeypatch.setattr(publisher, "LINGER_SECONDS", 0.3)
    house.conduct(*floor("judge", "witness"))
    judge, witness = await house.page("judge"), await house.page("witness", rids=("l", "h"))
    await both_layers(witness, 3)
    await until(lambda: judge.heard("camera") and judge.heard("camera")[-1].payload[6:] == b"h")
    await until(lambda: pictured(house, "witness").taken == ["h"], what="low not taken")
    house.sent.clear()
    house.room.watched("judge", [])
    assert [(type(each), each.place) for each in house.sent] == [(Lined, "judge"), (Pictured, "judge")]
    await until(lambda: pictured(house, "witness").taken == ["h", "l"], what="low taken")
    for _ in range(100):
        if judge.heard("camera")[-1].payload[6:] == b"l":
            break
        await both_layers(witness, 5, key=False)
    await until(lambda: pictured(house, "witness").taken == ["l"], what="high not taken")
    house.conduct(*floor("judge", "witness"), armed=True)
    await until(lambda: pictured(house, "witness").taken == ["h", "l"], what="high recorded")
    house.conduct(*floor("judge"), seat("witness", "waiting"))
    await until(lambda: pictured(house, "witness").taken == [], what="nothing taken")
    assert pictured(house, "judge").taken is None


async def test_a_retransmission_reaches_listener_and_recorder_as_the_original(house):
    house.conduct(*floor("judge", "witness"), armed=True)
    judge, witness = await house.page("judge"), await house.page("witness", rids=("l", "h"))
    witness.show(rid="h", ssrc=7)
    lost = witness.rtp_packet("camera", witness.vp8(b"lost", key=False), ssrc=7)
    witness.show(key=False, ssrc=7)
    head = bytes([0x90, RTX]) + b"\0\1" + lost[4:8] + (8).to_bytes(4, "big")
    names = extension_block([(1, witness.mids["camera"].encode()), (5, b"h")])
    witness.send(head + names + lost[2:4] + read_rtp(lost).payload)
    await until(lambda: len(judge.heard("camera")) == 3)
    packets = sorted(judge.heard("camera"), key=lambda packet: packet.sequence)
    assert packets[1].payload[6:] == b"lost"
    assert read_rtp(house.recorder.packets[-1][1]).payload == read_rtp(lost).payload
    assert {track for track, _ in house.recorder.packets} == {"witnessa-camera"}


async def test_a_document_rides_on_the_document_line_while_it_is_sent(house):
    house.conduct(*floor("judge", "witness", "clerk"))
    judge = await house.page("judge")
    witness = await house.page("witness", sends=("audio", "camera", "document"))
    clerk = await house.page("clerk", sends=("audio", "camera", "document"))

    def document():
        return [each for each in house.sent if isinstance(each, Lined) and each.place == "judge"][-1].document

    assert document() is None
    witness.show("document", tag=b"page 1")
    await until(lambda: document() == "witness")
    clerk.show("document", tag=b"other")
    witness.show("document", tag=b"page 2")
    await until(lambda: judge.heard("document", None)[-1:] and document() == "witness")
    assert {packet.payload[6:] for packet in judge.heard("document", None)} <= {b"page 1", b"page 2"}
    muted = Seat(place="witness", channel="floor", muted={Kind.DOCUMENT})
    house.conduct(*floor("judge", "clerk"), muted)
    assert document() == "clerk"
