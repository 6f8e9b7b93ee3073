"""A whole room over real sockets on loopback, with bare pages and with aiortc's own connections."""

import asyncio
import contextlib
import itertools
import random
import time

import pytest
from bare_page import RTX, BarePage, until

from media.channels import Channel, Kind, Seat, table
from media.control import (
    Answered,
    Declined,
    Joined,
    Left,
    Levels,
    Lined,
    Lost,
    PeerPlan,
    RecordPlan,
    Returned,
    RoomPlan,
)
from media.ice_lite import IceLite
from media.room import Room
from media.rtcp import SenderFigures, nack, ntp_of, pli, seconds_of, sender_report
from media.rtp_header import extension_block, read_rtp


class NotedRecorder:
    """Notes what it is given, and writes nothing."""

    def __init__(self, _folder, _report):
        self.armed = 0
        self.plans, self.packets, self.reports, self.reasons = [], [], [], []
        self.closed = False

    async def arm(self):
        self.armed += 1

    def conduct(self, record):
        self.plans.append(record)

    def rtp(self, track, data, at_us):
        self.packets.append((track, data))

    def rtcp(self, track, data, at_us):
        self.reports.append((track, data))

    def absent(self, track, reason):
        self.reasons.append((track, reason))

    def received(self):
        return {track: len(data) for track, data in self.packets}

    async def close(self):
        self.closed = True


class House:
    """One room on its own socket, conducted by the test."""

    def __init__(self, ice, **settings):
        self.facts, self.sent, self.recorder = [], [], None
        self.ice = ice
        self.room = Room(
            "h1",
            ice=ice,
            report=self.facts.append,
            send=self.sent.append,
            recorder=self._make_recorder,
            **settings,
        )
        self.version = 0
        self.pages = []
        self.numbers = itertools.count()

    def _make_recorder(self, folder, report):
        self.recorder = NotedRecorder(folder, report)
        return self.recorder

    def plan(self, *seats, armed=False, record=None, allowed=None):
        self.version += 1
        handles = {seat.place: f"{seat.place:a<8}"[:8] for seat in seats}
        return RoomPlan(
            hearing="h1",
            version=self.version,
            folder="/nowhere",
            peers=[PeerPlan(place=place, handle=handle) for place, handle in handles.items()],
            allowed=sorted(table(seats, recorder=armed) if allowed is None else allowed),
            armed=armed,
            record=record,
        )

    def conduct(self, *seats, **more):
        self.room.conduct(self.plan(*seats, **more))

    def offer(self, place, sdp):
        connection = f"c{next(self.numbers)}"
        self.room.offered(place=place, connection=connection, sdp=sdp)
        return connection

    def answer(self, connection):
        answers = [
            each
            for each in self.sent
            if isinstance(each, Answered | Declined) and each.connection == connection
        ]
        assert isinstance(answers[0], Answered), answers
        return answers[0].sdp

    async def page(self, place, **offer):
        page = await BarePage.open()
        self.pages.append(page)
        connection = self.offer(place, page.offer(**offer))
        await page.connect(self.answer(connection))
        page.connection = connection
        await until(lambda: place in self.room._fanout.peers, what=f"{place} up")
        return page

    def of(self, kind):
        return [fact for fact in self.facts if isinstance(fact, kind)]


@pytest.fixture
async def house():
    async with opened() as house:
        yield house


@contextlib.asynccontextmanager
async def opened(**settings):
    ice = await IceLite.open(listen="127.0.0.1")
    house = House(ice, **settings)

    async def tick():
        while True:
            house.room.tick()
            await asyncio.sleep(0.02)

    ticking = asyncio.create_task(tick())
    yield house
    ticking.cancel()
    for page in house.pages:
        await page.close()
    await house.room.close()
    ice.close()


def floor(*places, **more):
    return [Seat(place=place, channel=Channel.FLOOR, **more) for place in places]


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


# --- the table -----------------------------------------------------------------------------------


async def speak(pages, rounds=5):
    for _ in range(rounds):
        for page in pages:
            page.say()
            page.show(key=True)
        await asyncio.sleep(0.005)


async def flushed(*pages):
    """Everything sent until now has passed the relay: a check of each page came back after it."""
    for page in pages:
        before = len(page.checks)
        page.check()
        await until(lambda page=page, before=before: len(page.checks) > before, what="a check answered")


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


async def test_an_older_plan_is_ignored(house):
    newer = house.plan(*floor("judge", "witness"))
    house.room.conduct(newer.model_copy(update={"version": 9}))
    house.room.conduct(newer.model_copy(update={"version": 8, "peers": [], "allowed": []}))
    judge, witness = await house.page("judge"), await house.page("witness")
    witness.say()
    await until(lambda: judge.heard("audio"))


# --- connections ---------------------------------------------------------------------------------


async def test_a_second_connection_of_a_place_takes_over(house):
    house.conduct(*floor("judge", "witness"))
    judge, old = await house.page("judge"), await house.page("witness")
    old.say(b"old")
    await until(lambda: len(judge.heard("audio")) == 1)
    new = await BarePage.open()
    house.pages.append(new)
    await new.connect(house.answer(house.offer("witness", new.offer())))
    await until(lambda: old.closed, what="the old connection closed")
    old_packets = len(judge.heard("audio"))
    new.say(b"new")
    await until(lambda: len(judge.heard("audio")) == old_packets + 1)
    first, second = judge.heard("audio")
    assert second.payload == b"new"
    assert second.sequence == (first.sequence + 1) & 0xFFFF
    assert [fact.place for fact in house.facts] == ["judge", "witness"]
    assert len(house.ice._by_ufrag) == 2


async def test_a_failing_attempt_does_not_end_the_connection_that_stands():
    async with opened(handshake_seconds=0.1) as house:
        house.conduct(*floor("judge", "witness"))
        judge, witness = await house.page("judge"), await house.page("witness")
        attempt = await BarePage.open()
        house.offer("witness", attempt.offer())
        assert len(house.ice._by_ufrag) == 3
        await until(lambda: len(house.ice._by_ufrag) == 2, what="the attempt freed")
        assert not house.room._pending
        witness.say()
        await until(lambda: judge.heard("audio"))
        await attempt.close()


async def test_only_the_newest_attempt_of_a_place_is_pending(house):
    house.conduct(*floor("witness"))
    for _ in range(5):
        page = await BarePage.open()
        house.pages.append(page)
        house.offer("witness", page.offer())
    await until(lambda: len(house.ice._by_ufrag) == 1, what="older attempts freed")


async def test_an_address_moves_with_a_signed_check_and_not_without(house):
    house.conduct(*floor("judge", "witness"))
    judge, witness = await house.page("judge"), await house.page("witness")
    witness.say(b"1")
    await until(lambda: len(judge.heard("audio")) == 1)
    stays = judge.transport
    await judge.move()
    judge.check(password="wrong" * 6)
    witness.say(b"2")
    await until(lambda: len(judge.heard("audio")) == 2)
    stays.close()
    judge.check()
    await flushed(judge)
    witness.say(b"3")
    await until(lambda: len(judge.heard("audio")) == 3)
    await witness.move()
    witness.check()
    witness.say(b"4")
    await until(lambda: len(judge.heard("audio")) == 4)
    assert house.of(Joined) == house.facts
    assert len(house.facts) == 2


async def test_loss_return_and_leaving_are_told():
    now = [0.0]
    ice = await IceLite.open(listen="127.0.0.1", clock=lambda: now[0])
    house = House(ice, clock=lambda: now[0])
    house.conduct(*floor("judge", "witness"), armed=True)
    judge, witness = await house.page("judge"), await house.page("witness")
    judge.say(), witness.say()
    await flushed(judge, witness)
    now[0] = 2.9
    house.room.tick()
    assert house.of(Lost) == []
    judge.say()
    await flushed(judge)
    now[0] = 3.1
    house.room.tick()
    (lost,) = house.of(Lost)
    assert lost.place == "witness"
    assert abs(lost.at - lost.since - 3100) < 5
    assert ("witnessa-audio", "connection-lost") in house.recorder.reasons
    witness.wire.clear()
    judge.say()
    await flushed(judge, witness)
    assert not witness.wire_rtp()
    witness.say()
    await flushed(witness)
    house.room.tick()
    assert [fact.since for fact in house.of(Returned)] == [lost.since]
    now[0] = 100.0
    judge.say()
    await flushed(judge)
    house.room.tick()
    assert [(type(fact), fact.place) for fact in house.facts[-2:]] == [(Lost, "witness"), (Left, "witness")]
    await judge.close()
    await until(lambda: house.of(Left)[-1].place == "judge", what="the page that closed has left")
    await witness.close()
    await house.room.close()
    assert house.recorder.closed
    assert not ice._by_ufrag
    ice.close()


async def test_a_lost_place_returns_with_a_new_connection():
    now = [0.0]
    ice = await IceLite.open(listen="127.0.0.1", clock=lambda: now[0])
    house = House(ice, clock=lambda: now[0])
    house.conduct(*floor("witness"))
    page = await house.page("witness")
    page.say()
    await flushed(page)
    now[0] = 5.0
    house.room.tick()
    again = await BarePage.open()
    await again.connect(house.answer(house.offer("witness", again.offer())))
    await until(lambda: len(house.facts) == 3)
    assert [type(fact) for fact in house.facts] == [Joined, Lost, Returned]
    for each in (page, again):
        await each.close()
    await house.room.close()
    ice.close()


async def test_an_observer_lives_by_its_checks():
    now = [0.0]
    ice = await IceLite.open(listen="127.0.0.1", clock=lambda: now[0])
    house = House(ice, clock=lambda: now[0])
    house.conduct(*floor("observer", receive_only=True))
    page = await house.page("observer", sends=())
    for second in (5.0, 10.0, 15.0):
        now[0] = second
        await flushed(page)
        house.room.tick()
    assert house.of(Lost) == []
    now[0] = 31.0
    house.room.tick()
    assert [fact.place for fact in house.of(Lost)] == ["observer"]
    await page.close()
    await house.room.close()
    ice.close()


async def test_a_place_that_leaves_the_plan_is_closed(house):
    house.conduct(*floor("judge", "witness"))
    await house.page("judge")
    witness = await house.page("witness")
    house.conduct(*floor("judge"))
    await until(lambda: witness.closed)
    assert [fact.place for fact in house.of(Left)] == ["witness"]
    connection = house.offer("witness", witness.offer())
    declined = [each for each in house.sent if isinstance(each, Declined)]
    assert declined[-1].connection == connection
    assert declined[-1].sentence.endswith(".")


async def test_a_full_room_takes_no_more(house):
    places = [f"{first}{second}" for first in "abcdef" for second in "uvwxyz"][:33]
    house.conduct(*floor(*places))
    page = await BarePage.open()
    house.pages.append(page)
    sdp = page.offer(lines=1)
    for place in places:
        house.offer(place, sdp)
    assert [each.place for each in house.sent if isinstance(each, Declined)] == places[-1:]


# --- packets -------------------------------------------------------------------------------------


async def test_no_sequence_number_carries_two_packets(house):
    """On the wire, over switches of source, denials, reordering, takeovers and repetitions."""
    seeded = random.Random(8)
    places = ("a", "b", "c")
    house.conduct(*floor("judge", *places))
    judge = await house.page("judge", lines=1)
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
        repeated += key in wire
        assert wire.setdefault(key, datagram) == datagram
    assert repeated > 10
    assert len(wire) > 200


async def test_what_was_lost_is_repeated_identically_and_not_after_a_denial(house):
    house.conduct(*floor("judge", "witness"))
    judge, witness = await house.page("judge"), await house.page("witness")
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
    assert tail[1:] == [b"high"] * 3 + [b"named no more"]
    for _ in range(100):
        witness.show(tag=b"only low", ssrc=low)
        await asyncio.sleep(0.02)
    await until(lambda: judge.heard("camera")[-1].payload.endswith(b"only low"))
    recorded = [read_rtp(data).ssrc for _, data in house.recorder.packets]
    assert recorded[1:5] == [high] * 4
    assert recorded[-1] == low


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


async def test_levels_and_recorded_bytes_are_told(house):
    house.conduct(*floor("judge", "witness"), armed=True)
    witness = await house.page("witness")
    for level in (60, 0x80 | 20, 90):
        witness.say(level=level)
    await until(lambda: any(isinstance(each, Levels) and each.audio for each in house.sent))
    told = next(each for each in house.sent if isinstance(each, Levels) and each.audio)
    assert told.audio == {"witness": 20}
    assert house.recorder.armed == 1


async def test_the_recorder_hears_the_floor_only_while_it_is_armed_and_gets_sender_reports(house):
    house.conduct(*floor("witness"))
    witness = await house.page("witness")
    witness.say(b"before")
    await flushed(witness)
    assert house.recorder is None
    house.conduct(*floor("witness"), armed=True)
    sent = witness.say(b"armed")
    report = sender_report(SenderFigures(witness.ssrcs["audio"], ntp_of(1e9), 1, 1, 1), "x")
    witness.send_rtcp(report)
    await flushed(witness)
    assert house.recorder.packets == [("witnessa-audio", sent)]
    assert house.recorder.reports == [("witnessa-audio", report)]
    house.conduct(*floor("witness"))
    witness.say(b"after")
    await flushed(witness)
    assert len(house.recorder.packets) == 1


async def test_the_recorder_is_told_why_nothing_comes(house):
    house.conduct(*floor("judge", "witness"), armed=True)
    record = RecordPlan(stretch=1, since=0, tracks=["judgeaaa-audio", "witnessa-audio"])
    await house.page("judge")
    house.conduct(*floor("judge", "witness"), armed=True, record=record)
    assert ("witnessa-audio", "not-joined") in house.recorder.reasons
    assert ("judgeaaa-audio", "not-sent") in house.recorder.reasons
    assert ("judgeaaa-audio", "not-joined") not in house.recorder.reasons
    assert house.recorder.plans[-1] == record
    page = await house.page("witness")
    await page.close()
    await until(lambda: ("witnessa-audio", "left") in house.recorder.reasons)


async def test_rubbish_of_one_peer_stays_with_it(house):
    house.conduct(*floor("judge", "witness", "attacker"))
    judge, witness = await house.page("judge"), await house.page("witness")
    attacker = await house.page("attacker")
    seeded = random.Random(6)
    good = attacker.say()
    for number in range(1500):
        broken = bytearray(good + seeded.randbytes(seeded.randrange(30)))
        for _ in range(seeded.randrange(1, 8)):
            broken[seeded.randrange(len(broken))] = seeded.randrange(256)
        broken[0] = 0x80 | broken[0] & 0x3F
        broken[1] = broken[1] if not 192 <= broken[1] <= 208 else 96
        attacker.send_quietly(bytes(broken[: seeded.randrange(12, len(broken))]))
        compound = bytearray(pli(1, seeded.randrange(9)) + nack(1, 5, [1, 2]) + seeded.randbytes(8))
        for _ in range(seeded.randrange(8)):
            compound[seeded.randrange(4, len(compound))] = seeded.randrange(256)
        attacker.send_rtcp_quietly(bytes(compound))
        attacker._send(bytes([22]) + seeded.randbytes(40))
        if number % 50 == 0:
            await flushed(attacker)
    streams = house.room._fanout.peers["attacker"].publisher
    assert len(streams.streams) + len(streams._repairs) <= 16
    witness.say(b"still here")
    await until(lambda: any(packet.payload == b"still here" for packet in judge.heard("audio", 0)))


async def test_only_sixteen_streams_of_a_peer_are_known(house):
    house.conduct(*floor("witness"))
    witness = await house.page("witness", ssrcs={"audio": 1, "camera": 2})
    for ssrc in range(100, 150):
        witness.show(ssrc=ssrc)
    await flushed(witness)
    assert len(house.room._fanout.peers["witness"].publisher.streams) == 16
