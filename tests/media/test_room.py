"""A whole room over real sockets on loopback: plans, connections, and who is told what."""

import asyncio
import gc
import time
import weakref

import pytest
from bare_page import BarePage, until
from house import House, floor, flushed, opened
from keys import KEY

from media import fanout, living, room
from media.adapter import RtcpReceiverInfo
from media.channels import Kind, Seat
from media.control import (
    Audible,
    Declined,
    Figures,
    Joined,
    Left,
    Levels,
    Lost,
    Measured,
    RecorderFailed,
    RecordPlan,
    Returned,
    Silent,
)
from media.ice_lite import IceLite
from media.room import NO_WAY
from media.rtcp import SenderFigures, ntp_of, receiver_report, sender_report


@pytest.fixture
async def house():
    async with opened() as house:
        yield house


async def test_an_older_plan_is_ignored(house):
    newer = house.plan(*floor("judge", "witness"))
    house.room.conduct(newer.model_copy(update={"version": 9}))
    house.room.conduct(newer.model_copy(update={"version": 8, "peers": [], "allowed": []}))
    judge, witness = await house.page("judge"), await house.page("witness")
    witness.say()
    await until(lambda: judge.heard("audio"))


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
    assert len(house.ice.by_ufrag) == 2


async def test_a_failing_attempt_does_not_end_the_connection_that_stands():
    async with opened(handshake_seconds=0.1) as house:
        house.conduct(*floor("judge", "witness"))
        judge, witness = await house.page("judge"), await house.page("witness")
        attempt = await BarePage.open()
        connection = house.offer("witness", attempt.offer())
        assert len(house.ice.by_ufrag) == 3
        await until(lambda: len(house.ice.by_ufrag) == 2, what="the attempt freed")
        assert not house.room._pending
        (declined,) = (each for each in house.sent if isinstance(each, Declined))
        assert (declined.connection, declined.sentence) == (connection, NO_WAY)
        witness.say()
        await until(lambda: judge.heard("audio"))
        await attempt.close()


async def test_every_track_is_measured_and_so_is_what_each_place_hears(house, monkeypatch):
    monkeypatch.setattr(room, "LOOK_SECONDS", 0.2)
    monkeypatch.setattr(room, "TOLD_SECONDS", 0.4)
    record = RecordPlan(stretch=1, since=0, tracks=["witnessa-audio"], key=KEY)
    house.conduct(*floor("judge", "witness"), record=record)
    judge, witness = await house.page("judge"), await house.page("witness")

    def rows():
        told = [each for each in house.sent if isinstance(each, Measured)]
        return {row.track: row for row in told[-1].places.get("witness", [])} if told else {}

    async def speaks(condition, *, lost=0):
        for number in range(400):
            packet = witness.rtp_packet("audio", b"\x78sound", level=30)
            if not lost or number % lost:
                witness.send(packet)
            if number % 3 == 0:
                witness.show(key=number == 0)
            if number % 20 == 0:
                back = RtcpReceiverInfo(judge.line_ssrcs[judge.mids["audio", 0]], 128, 0, 0, 480, 0, 0)
                judge.send_rtcp(receiver_report(1, [back], "x"))
            await asyncio.sleep(0.01)
            if condition():
                return
        raise AssertionError(f"in vain: {rows()}")

    await speaks(lambda: "witnessa-camera" in rows() and rows()["witnessa-camera"].frames > 15)
    assert rows()["witnessa-audio"].loss == 0
    assert rows()["witnessa-audio"].grade == "good"
    await speaks(lambda: rows()["witnessa-audio"].loss > 10, lost=5)
    await speaks(lambda: rows()["witnessa-audio"].grade == "bad", lost=2)
    heard = [each for each in house.sent if isinstance(each, Measured)][-1].places["judge"]
    assert [(row.track, row.loss, row.jitter) for row in heard] == [("judgeaaa-heard", 50.0, 10.0)]
    ssrc = witness.ssrcs["audio"]
    told = [each.reports[ssrc].fraction_lost for each in witness.feedback() if ssrc in each.reports]
    assert 51 in told  # a fifth: what the worst listener loses, at most
    kept = house.of(Figures)[-1]
    assert {row.track for row in kept.tracks} == {"judgeaaa-heard", "witnessa-audio", "witnessa-camera"}
    house.conduct(*floor("judge"), Seat(place="witness", channel="floor", muted={Kind.AUDIO}))
    await speaks(lambda: "witnessa-audio" not in rows())


async def test_digital_silence_is_told_and_so_is_the_sound_after_it(house, monkeypatch):
    monkeypatch.setattr(room, "LISTEN_SECONDS", 0.05)
    monkeypatch.setattr(living, "SILENT_MILLIS", 400)
    house.conduct(*floor("judge", "witness", "absent"), armed=True)
    judge, witness = await house.page("judge"), await house.page("witness")

    async def speak(until_told, *, of_witness=b"silence"):
        async with asyncio.timeout(5):
            while not until_told():
                judge.say(b"sound", level=127)
                witness.say(of_witness, level=10)
                await asyncio.sleep(0.02)

    await speak(lambda: house.of(Silent))
    (silent,) = house.of(Silent)
    assert silent.place == "witness", (
        "whatever level it tells; the judge sounds, and whoever is not there need not"
    )
    assert silent.at - silent.since >= 400
    await speak(lambda: house.of(Audible), of_witness=b"sound")
    assert [(told.place, told.since) for told in house.of(Audible)] == [("witness", silent.since)]
    muted = Seat(place="witness", channel="floor", muted={Kind.AUDIO})
    house.conduct(*floor("judge", "absent"), muted, armed=True)
    judge.say(b"sound")
    before = time.monotonic()
    await speak(lambda: time.monotonic() - before > 0.8)
    assert len(house.of(Silent)) == 1, "whoever is muted is not missed"
    await witness.close()
    await judge.close()


async def test_a_recorder_is_not_relied_on_where_nobody_can_listen(house):
    house.ears.deaf = True
    house.conduct(*floor("judge"), armed=True)
    await until(lambda: house.of(RecorderFailed))
    assert house.recorder.armed == 0
    house.ears.deaf = False
    house.conduct(*floor("judge"), armed=False)
    house.conduct(*floor("judge"), armed=True)
    await until(lambda: house.recorder.armed == 1)


async def test_only_the_newest_attempt_of_a_place_is_pending_and_older_ones_are_not_spoken_of(house):
    house.conduct(*floor("witness"))
    for _ in range(5):
        page = await BarePage.open()
        house.pages.append(page)
        house.offer("witness", page.offer())
    await until(lambda: len(house.ice.by_ufrag) == 1, what="older attempts freed")
    assert not any(isinstance(each, Declined) for each in house.sent)


async def test_a_connection_that_ended_is_freed_at_once(house):
    house.conduct(*floor("judge", "witness"))
    judge, witness = await house.page("judge"), await house.page("witness")
    witness.say(), witness.show()
    await until(lambda: judge.heard("audio") and judge.heard("camera"))
    peers = house.room._fanout.peers
    gone = [weakref.ref(peers[place]) for place in ("judge", "witness")]
    gc.collect()
    gc.disable()
    try:
        await house.page("witness")
        await judge.close()
        await until(lambda: "judge" not in peers)
        await until(lambda: not any(ref() for ref in gone), what="freed")
    finally:
        gc.enable()


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
    endpoint, moved_to = (
        house.room._fanout.peers["judge"]._endpoint,
        judge.transport.get_extra_info("sockname"),
    )
    await until(lambda: judge.check() or endpoint.address == moved_to, what="the judge asked there")
    witness.say(b"3")
    await until(lambda: len(judge.heard("audio")) == 3)
    await witness.move()
    witness.check()
    witness.say(b"4")
    await until(lambda: len(judge.heard("audio")) == 4)
    assert house.of(Joined) == house.facts
    assert len(house.facts) == 2


async def test_two_families_meet_in_a_room_and_one_moves_from_the_one_to_the_other():
    async with opened(listen="127.0.0.1,::1") as house:
        house.conduct(*floor("judge", "witness"))
        judge, witness = await house.page("judge", at="::1"), await house.page("witness")
        witness.say(b"from IPv4")
        await until(lambda: [packet.payload for packet in judge.heard("audio")] == [b"from IPv4"])
        judge.say(b"from IPv6")
        await until(lambda: [packet.payload for packet in witness.heard("audio")] == [b"from IPv6"])
        judge.at = "127.0.0.1"
        judge.remote = next((each[4], int(each[5])) for each in judge.candidates if each[4] == judge.at)
        await judge.move()
        await flushed(judge)
        witness.say(b"to IPv4")
        await until(lambda: judge.heard("audio")[-1].payload == b"to IPv4")
        assert [fact.place for fact in house.facts] == ["judge", "witness"]


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
    assert not ice.by_ufrag
    ice.close()


async def test_reports_alone_keep_a_place_and_checks_alone_do_not():
    now = [0.0]
    ice = await IceLite.open(listen="127.0.0.1", clock=lambda: now[0])
    house = House(ice, clock=lambda: now[0])
    house.conduct(*floor("judge", "witness"))
    judge, witness = await house.page("judge"), await house.page("witness")
    judge.say(), witness.say()
    await flushed(judge, witness)
    report = sender_report(SenderFigures(witness.ssrcs["audio"], ntp_of(1e9), 1, 1, 1), "x")
    for second in (2.0, 4.0, 6.0):
        now[0] = second
        witness.send_rtcp(report)
        await flushed(judge, witness)  # with a check of each
        house.room.tick()
    assert [fact.place for fact in house.of(Lost)] == ["judge"]
    assert house.of(Lost)[0].at - house.of(Lost)[0].since < 4500, "told at the first look after three seconds"
    for page in (judge, witness):
        await page.close()
    await house.room.close()
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


async def test_a_stretch_begins_with_key_frames_asked_for(house):
    house.conduct(*floor("witness"), armed=True)
    witness = await house.page("witness")
    witness.show(key=True)
    await flushed(witness)
    assert not any(feedback.keyframes for feedback in witness.feedback())
    record = RecordPlan(stretch=1, since=0, tracks=["witnessa-camera"], key=KEY)
    house.conduct(*floor("witness"), armed=True, record=record)
    await until(lambda: {witness.ssrcs["camera"]} in [feedback.keyframes for feedback in witness.feedback()])


async def test_what_is_recorded_has_a_key_frame_every_so_often(house, monkeypatch):
    """On the record only: to show a moment later, everything since the last key frame must be decoded."""
    monkeypatch.setattr(fanout, "FINDABLE_SECONDS", 0.3)
    house.conduct(*floor("witness"), armed=True)
    witness = await house.page("witness")

    def asked() -> int:
        return sum(bool(feedback.keyframes) for feedback in witness.feedback())

    async def shows(seconds: float, until_asked: int = 10**6) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and asked() < until_asked:
            witness.show(key=False)
            await asyncio.sleep(0.02)

    witness.show(key=True)
    await shows(0.6)
    assert asked() == 0
    record = RecordPlan(stretch=1, since=0, tracks=["witnessa-camera"], key=KEY)
    house.conduct(*floor("witness"), armed=True, record=record)
    for nth in (1, 2, 3):
        await shows(5, until_asked=nth)
        assert asked() == nth
        witness.show(key=True)
        await flushed(witness)
    house.conduct(*floor("witness"), armed=True, record=record.model_copy(update={"until": 1}))
    await shows(1.5)
    assert asked() == 3


async def test_the_recorder_is_told_why_nothing_comes(house):
    house.conduct(*floor("judge", "witness"), armed=True)
    record = RecordPlan(stretch=1, since=0, tracks=["judgeaaa-audio", "witnessa-audio"], key=KEY)
    await house.page("judge")
    house.conduct(*floor("judge", "witness"), armed=True, record=record)
    assert ("witnessa-audio", "not-joined") in house.recorder.reasons
    assert ("judgeaaa-audio", "not-sent") in house.recorder.reasons
    assert ("judgeaaa-audio", "not-joined") not in house.recorder.reasons
    assert house.recorder.plans[-1] == record
    page = await house.page("witness")
    await page.close()
    await until(lambda: ("witnessa-audio", "left") in house.recorder.reasons)


# --- a worker that carries as much as it can ---------------------------------------------------------


class FakeMeter:
    """Full when it is told so."""

    def __init__(self):
        self.full = False

    def __call__(self):
        return self.full


async def declined(house, place):
    page = await BarePage.open()
    house.pages.append(page)
    connection = house.offer(place, page.offer())
    last = house.sent[-1]
    assert last.connection == connection
    return last.sentence if isinstance(last, Declined) else None


async def test_a_full_worker_declines_who_was_not_here_and_takes_who_was():
    meter = FakeMeter()
    async with opened(full=meter) as house:
        house.conduct(*floor("judge", "witness"))
        judge = await house.page("judge")
        meter.full = True
        assert "as many people as it can" in await declined(house, "witness")
        judge.say()
        assert await declined(house, "judge") is None, "a second connection of who is here"
        await judge.dtls.close()
        await until(lambda: house.of(Left), what="the judge has left")
        await house.page("judge")
        assert "as many people as it can" in await declined(house, "witness")
        meter.full = False
        await house.page("witness")


async def test_a_full_worker_takes_everybody_who_returns_or_is_on_the_record():
    meter = FakeMeter()
    meter.full = True
    async with opened(full=meter) as house:
        plan = house.plan(*floor("judge", "witness"))
        back = plan.peers[0].model_copy(update={"returns": True})
        house.room.conduct(plan.model_copy(update={"peers": [back, plan.peers[1]]}))
        await house.page("judge")
        assert await declined(house, "witness")
        record = RecordPlan(stretch=1, since=0, tracks=[], key=KEY)
        house.conduct(*floor("judge", "witness"), record=record.model_copy(update={"until": 1}))
        assert await declined(house, "witness"), "that stretch is over"
        house.conduct(*floor("judge", "witness"), record=record)
        await house.page("witness")
