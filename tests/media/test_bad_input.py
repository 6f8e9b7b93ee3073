"""Bad input against the relay: nothing escapes, nobody but the sender is affected, nothing is amplified.

Each test has a seed of its own, a fixed number of messages, and a pair of bystanders who go on talking (`attackers`).
"""

import asyncio
import itertools
import logging
import random
import struct
import time

import pytest
from attackers import (
    ERROR,
    INDICATION,
    REQUEST,
    RESPONSE,
    USE_CANDIDATE,
    Forged,
    broken,
    check_of,
    drained,
    odd_check,
    scene,
    stun,
)
from bare_page import IDS, OPUS, RTX, VP8, BarePage, until
from house import floor, flushed, opened

from media.adapter import (
    LARGEST_RTP,
    RtcpByePacket,
    RtcpReceiverInfo,
    is_binding_request,
    read_binding_request,
    write_binding_response,
)
from media.control import Answered, Declined
from media.downlink import LARGEST, LOG, SMALLEST
from media.fanout import REPORT_EVERY
from media.ice_lite import KNOWN_ADDRESSES
from media.outlet import KEPT
from media.publisher import LARGEST_PAYLOAD, SSRCS
from media.reception import LARGEST_GAPS, LARGEST_JUMP
from media.room import ATTEMPTS, PEERS
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
from media.rtp_header import AUDIO_LEVEL, MID, RID, extension_block, read_rtp

FOREIGN_INPUT_LOGGERS = ("media", "asyncio", "aiortc", "aioice")


@pytest.fixture(autouse=True)
def nothing_escapes(caplog):
    """No error is logged: what is malformed is dropped under a name, and no guard had to catch anything."""
    yield
    escaped = [
        record
        for record in caplog.get_records("call")
        if record.levelno >= logging.ERROR or record.exc_info is not None
    ]
    assert not escaped, escaped


@pytest.fixture
async def stage():
    async with scene() as made:
        yield made


# --- STUN ------------------------------------------------------------------------------------------


async def test_strangers_get_no_answer_and_leave_nothing(stage):
    """20 000 messages from 200 addresses, unsigned, wrongly signed, or for connections that are not there."""
    seeded, ice = random.Random(101), stage.ice
    strangers = [stage.stranger(f"127.0.0.{number}") for number in range(2, 202)]
    ufrag = stage.judge.remote_ufrag
    _, good = None, stun(check_of(ufrag, (USE_CANDIDATE, b"")), password="not the password")
    (base,) = ice._bases
    addresses, fragments = dict(base.by_address), set(ice.by_ufrag)
    for number in range(100):
        for stranger in strangers:
            attributes = odd_check(seeded.choice((ufrag, "00000000")), seeded)
            kind = seeded.choice((REQUEST, REQUEST, INDICATION, RESPONSE, ERROR, 0x0003, 0x3FFF))
            password = seeded.choice((None, "wrong" * 6))
            odd = stun(attributes, password=password, kind=kind, fingerprint=seeded.random() < 0.7)
            stranger.send(seeded.choice((odd[:1900], broken(odd, seeded)[:1900], broken(good, seeded))))
        await asyncio.sleep(0)
        if number % 20 == 19:
            await stage.unharmed()
    assert sum(stranger.sent for stranger in strangers) > 20_000 * 40
    assert [stranger.look() for stranger in strangers] == [[]] * len(strangers)
    assert (base.by_address, set(ice.by_ufrag)) == (addresses, fragments)
    assert stage.peers["judge"]._endpoint.known == (stage.judge.transport.get_extra_info("sockname"),)


async def test_odd_checks_of_a_participant_get_no_more_bytes_than_they_have(stage):
    """Signed with the attacker's own password, broken before it was signed; from many addresses and its own."""
    seeded = random.Random(102)
    strangers = [stage.stranger() for _ in range(30)]
    ufrag, password = stage.attacker.remote_ufrag, stage.attacker.remote_password
    answered = 0
    for number in range(3000):
        stranger = seeded.choice(strangers)
        message = stun(
            odd_check(ufrag, seeded),
            password=password,
            kind=seeded.choice((REQUEST, REQUEST, REQUEST, INDICATION, RESPONSE, ERROR)),
            fingerprint=seeded.random() < 0.8,
        )
        stranger.send(message[:2000])
        stage.attacker._send(broken(message, seeded)[:2000] if message[0] <= 3 else message)
        if number % 100 == 99:
            await flushed(stage.attacker)
            answered += sum(len(stranger.look()) for stranger in strangers)
    stage.attacker.check()
    await stage.unharmed()
    for stranger in strangers:
        stranger.look()
        assert stranger.received <= stranger.sent
    assert answered > 300
    assert len(stage.mean._endpoint.known) <= KNOWN_ADDRESSES
    assert len(stage.ice._bases[0].by_address) <= KNOWN_ADDRESSES + 2


async def test_a_forged_address_gives_nobody_anothers_packets(stage):
    """The attacker's own signed check, as if it came from the witness; and the witness's packets after it."""
    (base,) = stage.ice._bases
    forged = base.datagrams._socket = Forged(base.datagrams._socket)
    victim = stage.witness.transport.get_extra_info("sockname")
    check = stun(
        check_of(stage.attacker.remote_ufrag, (USE_CANDIDATE, b"")), password=stage.attacker.remote_password
    )
    for _ in range(50):
        forged.arriving.append((check, victim))
        base.work()
    assert [data for data, address in forged.sent if address == victim and data[0] <= 3] == []
    assert stage.mean._endpoint.address != victim
    await stage.unharmed()


# --- DTLS ------------------------------------------------------------------------------------------


async def attempt(house, place):
    """A page whose offer is answered, and which has not called yet; its datagrams are noted and not sent."""
    page = await BarePage.open()
    house.pages.append(page)
    page.read(house.answer(house.offer(place, page.offer())))
    flight = []
    page.dtls._wire._out = flight.append
    starting = asyncio.ensure_future(page.dtls.start([page.remote_fingerprint], seconds=5))
    await until(lambda: flight, what="a ClientHello")
    return page, flight, starting


async def test_a_server_flight_goes_only_to_an_address_that_answered_a_check():
    async with scene() as stage:
        house = stage.house
        house.conduct(*floor("judge", "witness", "attacker", "late"))
        page, (hello, *_), starting = await attempt(house, "late")
        endpoint = house.room._pending["late"]._endpoint
        unknown, checked = stage.stranger(), stage.stranger()
        for _ in range(200):
            unknown.send(hello)
        nominating = stun(check_of(endpoint.ufrag, (USE_CANDIDATE, b"")), password=endpoint.password)
        got = []
        for _ in range(50):
            for datagram in (nominating, hello, hello, hello):
                checked.send(datagram)
            await flushed(stage.judge)
            got += checked.look()
        assert {data[:2] for data in got} == {b"\x00\x01", b"\x01\x01"}, "checks and answers, and no flight"
        assert checked.received <= checked.sent
        assert endpoint.address is None
        question = read_binding_request(next(data for data in got if is_binding_request(data)))
        assert question.signed_with(page.password)
        for password in ("another's", page.password):
            checked.send(write_binding_response(question, address=("127.0.0.1", 1), password=password))
            await flushed(stage.judge)
            assert (endpoint.address is None) is (password != page.password)
        before = checked.received
        await until(lambda: checked.look() and checked.received - before > 300, what="a flight")
        one = checked.received
        for _ in range(200):
            checked.send(hello)
            await asyncio.sleep(0)
        await flushed(stage.judge)
        checked.look()
        assert checked.received == one, "more hellos, no more flights"
        assert unknown.look() == []
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await stage.unharmed()


async def test_who_signs_as_coming_from_elsewhere_has_nothing_more_sent_there(stage):
    """A participant forges checks and valid packets from somebody's address: they get no more bytes than were forged."""
    (base,) = stage.ice._bases
    forged = base.datagrams._socket = Forged(base.datagrams._socket)
    victim, at_home = stage.stranger().address, stage.mean._endpoint.address
    check = stun(
        check_of(stage.attacker.remote_ufrag, (USE_CANDIDATE, b"")), password=stage.attacker.remote_password
    )
    spent = 0
    for _ in range(50):
        media = stage.attacker.dtls.protect_rtp(stage.attacker.rtp_packet("audio", b"forged"))
        for datagram in (check, media):
            spent += len(datagram)
            forged.arriving.append((datagram, victim))
        base.work()
        stage.judge.show(tag=bytes(900))
        stage.judge.say()
        await flushed(stage.judge)
        to_victim = [data for data, address in forged.sent if address == victim]
        assert sum(map(len, to_victim)) <= spent
        assert {data[:2] for data in to_victim} <= {b"\x00\x01", b"\x01\x01"}
    assert stage.mean._endpoint.address == at_home
    await stage.unharmed()


async def test_a_broken_handshake_ends_its_own_attempt_only():
    """Handshakes with messages broken, repeated, in fragments, and out of order, from a nominated address."""
    seeded = random.Random(104)
    async with scene(handshake_seconds=0.3) as stage:
        house = stage.house
        late = [f"late{letter}" for letter in "abcdefghijkl"]
        house.conduct(*floor("judge", "witness", "attacker", *late))
        for place in late:
            page, flight, starting = await attempt(house, place)
            page.check()
            for turn in range(40):
                for record in flight[-4:]:
                    odd = broken(record, seeded) if turn else record
                    page._send(bytes([seeded.choice((20, 21, 22, 22, 22, 23))]) + odd[1:])
                await asyncio.sleep(0)
            await stage.unharmed()
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
        await until(lambda: not house.room._pending, what="the attempts ended")
        assert len(house.ice.by_ufrag) == len(stage.peers)


async def test_dtls_rubbish_after_the_handshake_changes_nothing(stage):
    """Records of all types, in the clear, of every epoch: alerts and hellos too, which nobody authenticated."""
    seeded = random.Random(105)
    _, flight, starting = await attempt(stage.house, "attacker")
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    records = [
        flight[0],
        b"\x15\xfe\xfd" + bytes(8) + b"\0\2\1\0",
        b"\x15\xfe\xfd\0\1" + bytes(6) + b"\0\2\2\x28",
        b"\x14\xfe\xfd" + bytes(8) + b"\0\1\1",
        b"\x17\xfe\xfd\0\1" + bytes(6) + b"\0\x20" + bytes(32),
    ]
    stranger = stage.stranger()
    before = len(stage.attacker.wire)
    for number in range(2000):
        record = seeded.choice(records)
        odd = record if number < 20 else bytes([seeded.choice(range(20, 64))]) + broken(record, seeded)[1:]
        stage.attacker._send(odd)
        stranger.send(odd)
        if number % 25 == 24:
            await flushed(stage.attacker)
    stage.attacker.say(b"and still up")
    await until(
        lambda: stage.heard_of_attacker()[-1:] and stage.heard_of_attacker()[-1].payload == b"and still up"
    )
    assert not stage.mean.closed
    assert stranger.look() == []
    assert len(stage.attacker.wire) - before < 100, "what bystanders say, and no answers to records"
    await stage.unharmed()


# --- attempts that come to nothing -----------------------------------------------------------------


async def test_attempts_of_one_place_are_bounded_and_leave_the_others_alone():
    async with scene(handshake_seconds=0.3) as stage:
        house = stage.house
        sdp = stage.attacker.offer()
        connections = [house.offer("attacker", sdp) for _ in range(40)]
        answers = [each for each in house.sent if getattr(each, "connection", None) in connections]
        answered = [each for each in answers if isinstance(each, Answered)]
        declined = {each.sentence for each in answers if isinstance(each, Declined)}
        assert len(answered) == ATTEMPTS - 1
        assert len(declined) == 1
        assert len(house.room._pending) == 1
        await stage.unharmed()
        await until(lambda: len(house.ice.by_ufrag) == 3, what="all attempts freed")
        assert not house.room._pending
        stage.attacker.say(b"the connection that stood stands")
        await until(lambda: stage.heard_of_attacker()[-1:])


async def test_attempts_of_many_places_fill_the_room_for_their_time_only():
    async with opened(handshake_seconds=0.5) as house:
        places = [f"{first}{second}" for first in "abcdefgh" for second in "vwxyz"]
        house.conduct(*floor("judge", "witness", *places))
        judge, witness = await house.page("judge"), await house.page("witness")
        page = await BarePage.open()
        house.pages.append(page)
        sdp = page.offer(lines=12)
        for place in places:
            house.offer(place, sdp)
        assert len(house.room._pending) == PEERS - 2
        witness.say(b"meanwhile")
        await until(lambda: judge.heard("audio"))
        await until(lambda: len(house.ice.by_ufrag) == 2, what="half-open attempts freed")
        late = await house.page(places[-1])
        late.say(b"there is room again")
        await until(lambda: judge.heard("audio", 1))


async def test_who_negotiates_much_and_sends_nothing_costs_nobody_anything():
    async with scene(
        offer={"lines": 12, "sends": ("audio", "camera", "document"), "rids": ("l", "h")}
    ) as stage:
        assert stage.mean.publisher.streams == {}
        assert list(stage.peers["judge"].on_lines.values()) == ["witness", "attacker"]
        assert len(stage.attacker.wire_rtp()) > 0
        await stage.unharmed()


# --- RTP of a participant --------------------------------------------------------------------------


async def taken(stage, *packets):
    """Decrypted packets of the attacker, behind SRTP, which would hold some of them back."""
    for number, raw in enumerate(packets, 1):
        stage.mean._rtp(raw)
        stage.mean._pass_on()
        if number % 32 == 0:
            await drained(stage.judge, stage.witness)
    await drained(stage.judge, stage.witness)


def rtp(page, kind, payload, *, sequence, timestamp=0, ssrc=None, number=None, elements=None, first=0x90):
    named = [(IDS[MID], page.mids[kind].encode())] if elements is None else elements
    number = number if number is not None else OPUS if kind == "audio" else VP8
    ssrc = ssrc or page.ssrcs[kind]
    head = struct.pack("!BBHII", first, number, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
    return head + (extension_block(named) if first & 0x10 else b"") + payload


async def test_malformed_packets_of_a_participant_stay_with_it():
    """Headers, extensions, descriptors, padding, types, retransmissions, jumps, and clocks that leap: 12 000."""
    seeded = random.Random(106)
    async with scene(offer={"sends": ("audio", "camera", "document"), "rids": ("l", "h")}) as stage:
        page, sequence = stage.attacker, 0
        for number in range(6000):
            kind = seeded.choice(("audio", "camera", "camera", "document"))
            sequence += seeded.choice((1, 1, 1, 1, 0, -1, -40, 2, 300, 2999, 20000, 32768))
            elements = [
                (IDS[MID], seeded.choice((page.mids[kind].encode(), b"", b"?" * 16, b"\xff" * 3)) or b"\0"),
                (seeded.randrange(1, 15), seeded.randbytes(seeded.randrange(1, 17))),
                *([(IDS[AUDIO_LEVEL], bytes([seeded.randrange(256)]))] if kind == "audio" else []),
                *([(seeded.choice((4, 5)), seeded.choice((b"l", b"h", b"x")))] if kind == "camera" else []),
            ]
            packet = rtp(
                page,
                kind,
                page.vp8(seeded.randbytes(30), key=seeded.random() < 0.3),
                sequence=sequence,
                timestamp=seeded.choice((number * 960, seeded.randrange(2**32))),
                ssrc=seeded.choice((page.ssrcs[kind], page.ssrcs["audio"], seeded.randrange(6), 2**32 - 1))
                or 9,
                number=seeded.choice((OPUS, VP8, VP8, RTX, OPUS | 0x80, 0, 127)),
                elements=elements[: seeded.randrange(len(elements) + 1)],
                first=seeded.choice((0x90, 0x90, 0x90, 0x80, 0xB0, 0xA0, 0x9F, 0x50)),
            )
            await taken(stage, packet, broken(packet, seeded)[:2000])
            if number % 300 == 299:
                await stage.unharmed()
        publisher = stage.mean.publisher
        assert len(publisher.streams) + len(publisher._repairs) <= SSRCS
        assert all(len(stream._kept) <= KEPT for stream in publisher.streams.values())
        assert all(len(stream.reception._gaps) <= LARGEST_GAPS for stream in publisher.streams.values())
        assert len(publisher.streams) > 2
        assert stage.heard_of_attacker()


async def test_a_replayed_datagram_counts_once_and_a_late_one_in_its_time(stage):
    seeded = random.Random(107)
    page, sent = stage.attacker, []
    page.say(b"0")
    await flushed(page)
    stage.house.recorder.packets.clear()
    start = len(stage.heard_of_attacker())
    original, page.transport = page.transport, Noted(page.transport, sent)
    for number in range(400):
        page.say(b"%d" % number)
    page.transport = original
    for at in range(0, 400, 40):
        block = sent[at : at + 40]
        seeded.shuffle(block)
        for datagram in [*block, *seeded.sample(block, 20), *seeded.sample(sent[: at + 1], min(at + 1, 5))]:
            page._send(datagram)
        await flushed(page)
        await drained(stage.judge)
    heard = [int(packet.payload) for packet in stage.heard_of_attacker()[start:]]
    recorded = [
        int(read_rtp(raw).payload) for track, raw in stage.house.recorder.packets if track[:4] == "atta"
    ]
    assert sorted(heard) == sorted(set(heard))
    assert recorded == heard
    assert sorted(heard) == list(range(400))
    await stage.unharmed()


class Noted:
    """Keeps datagrams instead of sending them."""

    def __init__(self, real, sent):
        self._real, self._sent = real, sent

    def sendto(self, data, _address):
        self._sent.append(data)

    def __getattr__(self, name):
        return getattr(self._real, name)


async def test_what_is_older_than_the_window_is_not_heard_again(stage):
    page = stage.attacker
    await taken(stage, *(rtp(page, "audio", b"new", sequence=number) for number in range(1000, 5000)))
    count = stage.mean.publisher.streams[page.ssrcs["audio"]].reception._received
    again = (*range(1000, 3900, 7), *range(3900, 4999, 3))
    await taken(stage, *(rtp(page, "audio", b"old", sequence=number) for number in again))
    await stage.unharmed()
    assert stage.mean.publisher.streams[page.ssrcs["audio"]].reception._received == count
    assert not any(packet.payload == b"old" for packet in stage.heard_of_attacker())


async def test_an_ssrc_of_somebody_else_is_ones_own(stage):
    """The attacker sends under the SSRCs of the witness, and under those at which the judge hears the witness."""
    page, witness = stage.attacker, stage.witness
    before = len(stage.judge.heard("audio", stage.line_of("witness", "judge")))
    ours = [stage.outlet_to("judge", "witness", kind).section.ssrc for kind in ("audio", "camera")]
    for number in range(100):
        for ssrc in (*witness.ssrcs.values(), *ours):
            sound = rtp(page, "audio", b"mine", sequence=number, ssrc=ssrc)
            picture = rtp(page, "camera", page.vp8(b"mine", key=True), sequence=number, ssrc=ssrc)
            await taken(stage, sound, picture)
    await stage.unharmed()
    line = stage.line_of("witness", "judge")
    theirs = [packet.payload for kind in ("audio", "camera") for packet in stage.judge.heard(kind, line)]
    assert not any(payload.endswith(b"mine") for payload in theirs)
    assert len(stage.judge.heard("audio", line)) == before + 1
    assert any(packet.payload == b"mine" for packet in stage.heard_of_attacker())


async def test_one_ssrc_for_sound_and_picture_is_what_it_was_first():
    async with scene(offer={"ssrcs": {"audio": 77, "camera": 77}}) as stage:
        for number in range(0, 100, 2):
            sound = rtp(stage.attacker, "audio", b"sound", sequence=number)
            picture = rtp(stage.attacker, "camera", stage.attacker.vp8(key=True), sequence=number + 1)
            await taken(stage, sound, picture)
        await stage.unharmed()
        assert len(stage.mean.publisher.streams) == 1
        assert {packet.payload for packet in stage.heard_of_attacker()} == {b"sound"}
        assert stage.heard_of_attacker("camera") == []


async def test_a_flood_of_new_ssrcs_is_bounded(stage):
    page = stage.attacker
    flood = (rtp(page, "camera", page.vp8(key=True), sequence=n, ssrc=n) for n in range(1, 10_001))
    await taken(stage, *flood)
    assert len(stage.mean.publisher.streams) == SSRCS
    await stage.unharmed()


async def test_a_clock_that_leaps_breaks_no_numbers(stage):
    seeded = random.Random(108)
    page, clock = stage.attacker, 0
    start = len(stage.heard_of_attacker("camera"))
    for sequence in range(300):
        clock += seeded.choice((3000, -(2**31), 2**31 - 1, -1, 0, 2**30))
        raw = rtp(page, "camera", page.vp8(key=sequence % 9 == 0), sequence=sequence, timestamp=clock)
        await taken(stage, raw)
    await stage.unharmed()
    numbers = [packet.sequence for packet in stage.heard_of_attacker("camera")[start:]]
    assert len(numbers) == 300
    assert all((later - sooner) & 0xFFFF == 1 for sooner, later in itertools.pairwise(numbers))


@pytest.mark.parametrize("how", ["too long", "cut off", "to somebody lost"])
async def test_who_comes_after_a_jumping_sender_on_a_line_is_heard(how):
    """Numbers that ran ahead unsent would leave SRTP's rollover counters apart, for sender and listener alike."""
    async with opened() as house:
        house.conduct(*floor("judge", "attacker"))
        judge = await house.page("judge", lines=1)
        attacker, witness = await house.page("attacker", lines=1), await BarePage.open()
        house.pages.append(witness)
        peers, fanout = house.room._fanout.peers, house.room._fanout
        for outlet in peers["judge"].outlets.values():
            outlet._sequence_offset = 0x1A000  # as on a line that has been used for a while
        attacker.show(), attacker.say()
        await until(lambda: judge.heard("audio") and judge.heard("camera"))
        kind = "audio" if how == "too long" else "camera"
        numbers = itertools.count(attacker.sequence[attacker.ssrcs[kind]] + LARGEST_JUMP, LARGEST_JUMP)
        payloads = {
            "too long": bytes(LARGEST_RTP),
            "cut off": attacker.vp8(key=True)[:3],
            "to somebody lost": attacker.vp8(key=True),
        }

        def send(payload):
            peers["attacker"]._rtp(rtp(attacker, kind, payload, sequence=next(numbers)))
            peers["attacker"]._pass_on()

        fanout.silence(peers["judge"], silent=how == "to somebody lost")
        for _ in range(2**15 // LARGEST_JUMP + 2):
            send(payloads[how])
        fanout.silence(peers["judge"], silent=False)
        send(b"last" if kind == "audio" else attacker.vp8(key=True))
        house.conduct(*floor("judge", "witness"))
        await witness.connect(house.answer(house.offer("witness", witness.offer(lines=1))))
        await until(lambda: "witness" in peers, what="the witness up")
        for number in range(10):
            witness.say(b"after you %d" % number)
            witness.show(tag=b"after you %d" % number)
        for each in ("audio", "camera"):
            await until(
                lambda each=each: judge.heard(each)[-1].payload.endswith(b"after you 9"),
                what=f"{each} of the next",
            )


async def test_packets_too_long_to_go_on_are_not_taken_for_loss_on_the_way_to_a_listener():
    async with opened() as house:
        house.conduct(*floor("judge", "attacker"))
        attacker, judge = (
            await house.page("attacker", rids=("l", "h")),
            await house.page("judge", numbered=True),
        )
        peers, numbers = house.room._fanout.peers, itertools.count(1)
        log = peers["judge"].downlink._log

        def send(size):
            payload = attacker.vp8(bytes(size - 6), key=True)
            names = [(IDS[MID], attacker.mids["camera"].encode()), (IDS[RID], b"l")]
            packet = rtp(attacker, "camera", payload, sequence=next(numbers), elements=names)
            peers["attacker"]._rtp(packet)
            peers["attacker"]._pass_on()

        for _ in range(20):
            send(LARGEST_PAYLOAD)
        await until(lambda: len(judge.heard("camera")) == 20)
        spent = sum(entry is not None for entry in log)
        for _ in range(20):
            send(LARGEST_PAYLOAD + 1)
        assert spent >= 20
        assert sum(entry is not None for entry in log) == spent


async def test_what_a_sender_leaves_out_is_not_taken_for_loss_on_the_way_to_a_listener(stage):
    """A listener's receiver report counts every number that is missing, whoever left it out."""
    page = stage.attacker
    first, *every_other = (
        rtp(page, "camera", page.vp8(key=True), sequence=number) for number in range(0, 402, 2)
    )
    await taken(stage, first)
    await until(lambda: len(stage.heard_of_attacker("camera")) >= 1)
    ssrc = stage.outlet_to("judge", "attacker", "camera").section.ssrc

    def tell(highest: int, fraction: int) -> None:
        block = RtcpReceiverInfo(ssrc, fraction, 0, highest, 0, 0, 0)
        stage.judge.send_rtcp(receiver_report(1, [block], "x"))

    tell(1000, 0)
    await flushed(stage.judge)
    await taken(stage, *every_other)
    await until(lambda: len(stage.heard_of_attacker("camera")) >= 201)
    tell(1400, 128)
    await stage.unharmed()
    assert stage.peers["judge"].downlink.proven == LARGEST
    tell(1800, 128)
    await flushed(stage.judge)
    assert stage.peers["judge"].downlink.proven < LARGEST, "what is really lost still counts"


# --- RTCP of a participant -------------------------------------------------------------------------


def arrivals_of(first, times):
    """Transport-wide feedback: packets from `first` on, each with its distance in quarters of milliseconds."""
    reference = times[0] // 256
    at, deltas = reference * 256, b""
    for time_ in times:
        deltas += struct.pack("!h", max(-32768, min(32767, time_ - at)))
        at = time_
    body = struct.pack("!LLHHl", 1, 2, first & 0xFFFF, len(times), (reference & 0x7FFFFF) << 8)
    body += struct.pack("!H", 2 << 13 | len(times)) + deltas
    body += bytes(-len(body) % 4)
    return struct.pack("!BBH", 0x8F, 205, len(body) // 4) + body


async def test_malformed_reports_of_a_participant_stay_with_it(stage):
    seeded = random.Random(110)
    judge, page = stage.peers["judge"], stage.attacker
    own = [outlet.section.ssrc for outlet in stage.mean.outlets.values()]
    others = [outlet.section.ssrc for outlet in judge.outlets.values()] + list(stage.witness.ssrcs.values())
    for number in range(6000):
        ssrc = seeded.choice(own + others)
        parts = [
            receiver_report(1, [RtcpReceiverInfo(ssrc, 255, 2**23 - 1, 2**32 - 1, 1, 2, 3)], "x" * 200),
            sender_report(SenderFigures(seeded.choice(own + others), seeded.randrange(2**64), 5, 6, 7), "y"),
            nack(1, ssrc, sorted(seeded.sample(range(65536), seeded.randrange(1, 60)))),
            pli(1, ssrc),
            struct.pack("!BBHLLLL", 0x84, 206, 4, 1, 0, ssrc, 0),
            remb(1, bitrate=seeded.choice((0, 1, 10**6, 2**63)), sources=[ssrc]),
            bytes(RtcpByePacket(sources=[ssrc, *stage.witness.ssrcs.values()])),
            arrivals_of(seeded.randrange(65536), [seeded.randrange(2**30) for _ in range(5)]),
            struct.pack("!BBH", 0x80 | seeded.randrange(32), seeded.randrange(192, 209), 0xFFFF),
        ]
        compound = b"".join(seeded.sample(parts, seeded.randrange(1, 5)))
        for raw in (compound, broken(compound, seeded)):
            stage.mean._rtcp(raw)
        if number % 500 == 499:
            await stage.unharmed()
    assert {track for track, _ in stage.house.recorder.reports} <= {"attacker-audio", "attacker-camera"}
    page.say(b"up")
    await until(lambda: stage.heard_of_attacker()[-1:])


async def test_a_storm_of_requests_is_answered_within_bounds(stage):
    """A hundred packets, each asked for two hundred times: no more goes out than is kept, or the way bears."""
    for _ in range(100):
        stage.witness.show(tag=bytes(1000))
    line = stage.line_of("witness", "attacker")
    await until(lambda: len(stage.attacker.heard("camera", line)) >= 100)
    outlet, downlink = stage.outlet_to("attacker", "witness", "camera"), stage.mean.downlink
    numbers = sorted({packet.sequence for packet in stage.attacker.heard("camera", line)})
    storm = receiver_report(1, [], "x") + nack(1, outlet.section.ssrc, numbers)
    sent, transmit = [], stage.mean.transmit
    stage.mean.transmit = sent.extend
    fanout, at = stage.house.room._fanout, outlet._last.now
    clock, fanout._clock = fanout._clock, lambda: at
    for bears, most in ((LARGEST, KEPT), (SMALLEST, SMALLEST / 8 / 1000 + 2)):
        sent.clear()
        downlink.proven, downlink._repeated, outlet._repeats_since = bears, (0.0, 0.0), 0.0
        before = outlet._again_sequence
        for _ in range(200):
            stage.mean._rtcp(storm)
        assert 0 < len(sent) <= most
        assert (outlet._again_sequence - before) & 0xFFFF == len(sent), "no number for what is not sent"
    stage.mean.transmit, fanout._clock = transmit, clock
    await stage.unharmed()


async def test_a_storm_of_key_frame_requests_is_passed_on_once_a_second(stage):
    ssrc = stage.outlet_to("attacker", "witness", "camera").section.ssrc
    fir = struct.pack("!BBHLLLL", 0x84, 206, 4, 1, 0, ssrc, 0)
    stage.witness.rtcp.clear()
    began = time.monotonic()
    for _ in range(2000):
        stage.mean._rtcp(receiver_report(1, [], "x") + pli(1, ssrc) + fir)
    await flushed(stage.witness)
    asked = sum(bool(feedback.keyframes) for feedback in stage.witness.feedback())
    assert 1 <= asked <= 2 + (time.monotonic() - began)
    await stage.unharmed()


@pytest.mark.parametrize("bitrate", [0, 1, 2**63, 2**80 - 2**62])
async def test_an_absurd_estimate_is_ones_own(stage, bitrate):
    mantissa, exponent = bitrate, 0
    while mantissa >= 2**18:
        mantissa, exponent = mantissa >> 1, exponent + 1
    fci = b"REMB" + struct.pack("!BBH", 1, exponent << 2 | mantissa >> 16, mantissa & 0xFFFF) + bytes(4)
    estimate = struct.pack("!BBHLL", 0x8F, 206, 2 + len(fci) // 4, 1, 0) + fci
    for _ in range(300):
        stage.mean._rtcp(receiver_report(1, [], "x") + estimate)
    assert stage.mean.downlink.proven == min(LARGEST, max(SMALLEST, bitrate))
    await stage.unharmed()


async def test_lies_about_arrivals_fill_no_memory_and_count_once():
    """The far future, the past, packets never sent, and the same report again and again."""
    seeded = random.Random(112)
    async with opened() as house:
        house.conduct(*floor("witness", "attacker"))
        witness = await house.page("witness", rids=("l", "h"))
        attacker = await house.page("attacker", numbered=True)
        mean = house.room._fanout.peers["attacker"]
        for _ in range(50):
            witness.show(tag=bytes(1000), rid="l")
        await until(lambda: len(attacker.heard("camera")) >= 50)
        honest = arrivals_of(1, list(range(4000, 4050)))
        for _ in range(3):
            mean._rtcp(honest)
        assert len(mean.downlink._arrived) == 50
        rate = mean.downlink.arriving
        for number in range(3000):
            first = seeded.randrange(65536)
            mean.downlink.numbered(house.room._clock(), 1200)
            start = seeded.choice((2**30, 0, -(2**30), 5000))
            mean._rtcp(arrivals_of(first, [start + n for n in range(seeded.randrange(1, 300))]))
            mean._rtcp(arrivals_of(number, [start] * 60))
            mean._rtcp(honest)
        downlink = mean.downlink
        assert rate > 0
        assert len(downlink._arrived) <= LOG
        assert len(downlink._queues) + len(downlink._losses) < 20_000
        assert SMALLEST <= downlink.proven <= LARGEST


async def test_absurd_sender_reports_do_not_reach_those_of_others(stage):
    sound = read_rtp(stage.witness.say())
    figures = SenderFigures(sound.ssrc, ntp_of(time.time()), sound.timestamp, 1, 1)
    stage.witness.send_rtcp(sender_report(figures, "x"))
    stage.attacker.say()
    await flushed(stage.witness, stage.attacker)
    for ntp in (0, 1, 2**31, 2**32, 2**63, 2**64 - 1):
        for ssrc in (*stage.attacker.ssrcs.values(), *stage.witness.ssrcs.values()):
            stage.mean._rtcp(sender_report(SenderFigures(ssrc, ntp, 2**32 - 1, 2**32 - 1, 2**32 - 1), "y"))
    stage.judge.rtcp.clear()
    ssrc = stage.outlet_to("judge", "witness", "audio").section.ssrc
    await until(lambda: any(ssrc in each.sent for each in stage.judge.feedback()), seconds=5 * REPORT_EVERY)
    ntp, rtp_time = next(each.sent[ssrc] for each in stage.judge.feedback() if ssrc in each.sent)
    line = stage.line_of("witness", "judge")
    heard = next(packet for packet in reversed(stage.judge.heard("audio", line)))
    seconds = ((rtp_time - heard.timestamp + 2**31) % 2**32 - 2**31) / 48000
    assert abs(seconds_of(ntp) - time.time()) < 5
    assert abs(seconds) < 5
    assert {track for track, _ in stage.house.recorder.reports if track.startswith("atta")} <= {
        "attacker-audio"
    }
    await stage.unharmed()


async def test_a_goodbye_for_others_is_nobodys(stage):
    ssrcs = [
        *stage.witness.ssrcs.values(),
        *(outlet.section.ssrc for outlet in stage.peers["judge"].outlets.values()),
    ]
    stage.attacker.say()
    stage.attacker.send_rtcp(receiver_report(1, [], "x") + bytes(RtcpByePacket(sources=ssrcs)))
    await stage.unharmed()
    assert set(stage.peers["witness"].publisher.streams) == set(stage.witness.ssrcs.values())
