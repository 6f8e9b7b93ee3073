"""Who sees and hears whom, proved on the wire: every ordered pair of roles, every kind, repetitions included.

One room with a page for each role that sits in it. The tables are the hearing's own (`hearings.room`), of places that
wait, are admitted, or have muted themselves, and some rows of them denied besides, as a measure of protection does.
Each table comes between two packets of everybody; what each page then receives, SSRC by SSRC, is what it says, and so
is how often a packet was sealed for it.
"""

import asyncio
import datetime as dt
import random
import select
from uuid import UUID

import pytest
from bare_page import IDS, RTX, VP8, BarePage, until
from house import House

from hearings.roles import COORDINATORS, Role, Side
from hearings.room import see_and_hear
from hearings.states import State
from hearings.tables import Hearing, Participant, Place
from media.channels import RECORDER, Kind
from media.control import PeerPlan, RoomPlan
from media.fanout import DOCUMENT_SECONDS
from media.ice_lite import IceLite
from media.rtcp import Feedback, nack
from media.rtp_header import MID, extension_block, read_rtp

NOW = dt.datetime(2031, 1, 15, 10, tzinfo=dt.UTC)
ROLES = [role for role in Role if role not in COORDINATORS | {Role.ADMINISTRATOR, Role.SERVICE}]
PLACES = {role: UUID(int=number) for number, role in enumerate(ROLES, 1)}
HANDLES = {str(place): f"{role.value.replace('-', ''):a<8}"[:8] for role, place in PLACES.items()}
SENT = (Kind.AUDIO, Kind.CAMERA, Kind.DOCUMENT)
TABLES = 12
IN_DOCUMENTS = 4  # of the tables: with everybody's document, one after the other


def hearing_of(states):
    """A hearing on the record, and its places with a person of each role; `states`: admitted, and what is muted."""
    hearing = Hearing(
        id=UUID(int=99),
        reference="EX 1/2031",
        matter="",
        purpose="",
        instrument="",
        requesting_id=UUID(int=97),
        requested_id=UUID(int=98),
        state=State.ON_RECORD,
        before=State.OPEN,
        log_key=b"",
        log_vkey="",
        created=NOW,
    )
    rows = []
    for role, place in PLACES.items():
        admitted, muted = states[role]
        common = {"hearing_id": hearing.id, "side": Side.REQUESTING, "language": "en"}
        seat = Place(
            id=place,
            name=role,
            zone="UTC",
            created=NOW,
            admitted=NOW if admitted else None,
            muted=muted,
            **common,
        )
        person = Participant(
            id=place,
            place_id=place,
            handle=HANDLES[str(place)],
            position=0,
            name=role,
            role=role,
            function="",
            **common,
        )
        rows.append((seat, [person]))
    return hearing, rows


def a_table(seeded):
    states = {
        role: (seeded.random() < 0.8, [kind.value for kind in Kind if seeded.random() < 0.15])
        for role in ROLES
    }
    rows = see_and_hear(*hearing_of(states))
    return frozenset(row for row in sorted(rows) if seeded.random() < 0.75)


class Sitting:
    """The room with a page for each role; time stands still unless told."""

    def __init__(self, ice, clock):
        self.house = House(ice, clock=clock)
        self.pages, self.sealed, self.allowed = {}, {}, frozenset()

    async def begin(self):
        self.conduct(frozenset())
        for place in HANDLES:
            page = self.pages[place] = await BarePage.open()
            self.house.pages.append(page)
            sdp = page.offer(lines=len(ROLES) - 1, sends=tuple(kind.value for kind in SENT))
            camera = page.ssrcs["camera"]
            named = f"a=ssrc:{camera} cname:x\r\n"
            sdp = sdp.replace(
                named, f"{named}a=ssrc:{camera + 1} cname:x\r\na=ssrc-group:FID {camera} {camera + 1}\r\n"
            )
            await page.connect(self.house.answer(self.house.offer(place, sdp)))
            await until(lambda place=place: place in self.peers, what=f"{place} up")
            self._count_seals(place)

    @property
    def peers(self):
        return self.house.room._fanout.peers

    def _count_seals(self, place):
        endpoint, self.sealed[place] = self.peers[place]._endpoint, 0
        seal = endpoint._seal

        def counted(at, packet):
            self.sealed[place] += 1
            return seal(at, packet)

        endpoint._seal = counted

    def conduct(self, allowed):
        self.allowed = allowed
        self.house.version += 1
        peers = [PeerPlan(place=place, handle=handle) for place, handle in HANDLES.items()]
        rows = sorted((row.source, row.listener, row.kind) for row in allowed)
        plan = RoomPlan(
            hearing="h1", version=self.house.version, folder="/nowhere", peers=peers, allowed=rows, armed=True
        )
        self.house.room.conduct(plan)

    async def settled(self):
        """Everything that was sent has passed the relay and been read by the pages."""
        before = {page: len(page.checks) for page in self.pages.values()}
        for page in before:
            page.check()
        await until(
            lambda: all(len(page.checks) > count for page, count in before.items()), what="checks answered"
        )
        (relay,) = self.house.ice._bases
        sockets = [page.transport.get_extra_info("socket").fileno() for page in self.pages.values()]
        sockets.append(relay.datagrams.fileno())
        while relay._turns or select.select(sockets, [], [], 0)[0]:  # noqa: ASYNC110 other readers are waited for
            await asyncio.sleep(0)

    def forget(self):
        for place, page in self.pages.items():
            page.rtp.clear()
            page.wire.clear()
            self.sealed[place] = 0
        self.house.recorder.packets.clear()

    def received(self):
        """(source, listener, kind, payload, whether again) of every packet that a page got, by the SSRC it came under."""
        got = []
        for listener, page in self.pages.items():
            peer, under = self.peers[listener], {}
            for outlet in peer.outlets.values():
                section = outlet.section
                source = peer.document if section.line is None else peer.on_lines.get(section.line)
                under[section.ssrc] = (source, section.kind, False)
                under[section.rtx_ssrc] = (source, section.kind, True)
            assert len(page.rtp) == len(page.wire_rtp()) == self.sealed[listener]
            for packet in map(read_rtp, page.rtp):
                source, kind, again = under[packet.ssrc]
                assert source is not None, f"{kind} of nobody"
                assert again == (packet.payload_type == RTX)
                payload = packet.payload[2:] if again else packet.payload
                got.append((source, listener, kind, payload if kind is Kind.AUDIO else payload[6:], again))
        return sorted(got)

    def expected(self, kind, *tags, rows=None, again=False):
        """What `received` tells if everybody's packets of these tags go by the rows, of a listener's other than itself."""
        rows = self.allowed if rows is None else rows
        return [
            (row.source, row.listener, kind, b"%s of %s" % (tag, row.source.encode()), again)
            for row in rows
            if row.kind is kind and row.listener != RECORDER
            for tag in tags
        ]

    def everybody_sends(self, tag):
        for place, page in self.pages.items():
            page.say(b"%s of %s" % (tag, place.encode()))
            page.show(tag=b"%s of %s" % (tag, place.encode()), key=True)

    def recorded(self):
        return {track for track, _ in self.house.recorder.packets}

    def to_be_recorded(self, *kinds):
        return {
            f"{HANDLES[row.source]}-{row.kind}"
            for row in self.allowed
            if row.listener == RECORDER and row.kind in kinds
        }


def unsent(page, tag):
    """A picture that is lost on the way up, and the retransmission that will bring it (RFC 4588)."""
    lost = read_rtp(page.rtp_packet("camera", page.vp8(tag, key=False), ticks=3000))
    assert lost.payload_type == VP8
    page.again = (page.__dict__.get("again", 0) + 1) & 0xFFFF
    head = bytes([0x90, 0x80 | RTX]) + page.again.to_bytes(2, "big") + lost.timestamp.to_bytes(4, "big")
    head += (page.ssrcs["camera"] + 1).to_bytes(4, "big")
    names = extension_block([(IDS[MID], page.mids["camera"].encode())])
    return head + names + lost.sequence.to_bytes(2, "big") + lost.payload


def ask_again(page):
    """Everything that came is asked for again."""
    numbers = {}
    for packet in map(read_rtp, page.rtp):
        numbers.setdefault(packet.ssrc, []).append(packet.sequence)
    for ssrc, sequences in numbers.items():
        page.send_rtcp(nack(1, ssrc, sequences))


@pytest.fixture
async def sitting():
    now = [0.0]
    ice = await IceLite.open(listen="127.0.0.1", clock=lambda: now[0])
    sitting = Sitting(ice, lambda: now[0])
    sitting.now = now
    await sitting.begin()
    yield sitting
    for page in sitting.pages.values():
        await page.close()
    await sitting.house.room.close()
    ice.close()


async def test_every_pair_of_roles_gets_what_the_table_says_from_the_next_packet_on(sitting):
    seeded = random.Random(120)
    everybody = see_and_hear(*hearing_of(dict.fromkeys(ROLES, (True, []))))
    nobody = see_and_hear(*hearing_of(dict.fromkeys(ROLES, (False, []))))
    tables = [everybody, *(a_table(seeded) for _ in range(TABLES)), nobody]
    allowed_once, denied_once = set(), set()
    sitting.conduct(everybody)
    sitting.everybody_sends(b"begin")
    await sitting.settled()
    for table in tables:
        before = sitting.allowed
        sitting.forget()
        again = {page: unsent(page, b"late of " + place.encode()) for place, page in sitting.pages.items()}
        sitting.everybody_sends(b"before")
        await sitting.settled()
        sounds, pictures = sitting.expected(Kind.AUDIO, b"before"), sitting.expected(Kind.CAMERA, b"before")
        assert sitting.received() == sorted(sounds + pictures)

        sitting.conduct(table)
        for page in sitting.pages.values():
            ask_again(page)
        sitting.forget()
        for page, packet in again.items():
            page.send(packet)
        await sitting.settled()
        stays = [row for row in table & before if row.listener != RECORDER]
        repeated = sitting.expected(Kind.CAMERA, b"before", rows=stays, again=True)
        late = sitting.expected(Kind.CAMERA, b"late", rows=stays)
        assert sitting.received() == sorted(repeated + late), (
            "a table holds for repetitions and late packets too"
        )
        assert sitting.recorded() == sitting.to_be_recorded(Kind.CAMERA)

        sitting.forget()
        sitting.everybody_sends(b"after")
        await sitting.settled()
        assert sitting.received() == sorted(
            sitting.expected(Kind.AUDIO, b"after") + sitting.expected(Kind.CAMERA, b"after")
        )
        assert sitting.recorded() == sitting.to_be_recorded(Kind.AUDIO, Kind.CAMERA)
        rows = {(row.source, row.listener, row.kind) for row in table}
        pairs = {(source, to, kind) for source in HANDLES for to in HANDLES for kind in SENT if source != to}
        allowed_once |= rows & pairs
        denied_once |= pairs - rows
    observer = str(PLACES[Role.OBSERVER])
    assert allowed_once == {pair for pair in pairs if pair[0] != observer}
    assert denied_once == pairs


async def test_every_pair_of_roles_gets_documents_as_the_table_says(sitting):
    """One line carries them, so one is shown at a time: everybody's in turn. Repetitions end with the row."""
    seeded = random.Random(121)
    everybody = see_and_hear(*hearing_of(dict.fromkeys(ROLES, (True, []))))
    for table in (everybody, *(a_table(seeded) for _ in range(IN_DOCUMENTS))):
        for place, page in sitting.pages.items():
            sitting.conduct(table)
            sitting.forget()
            page.show("document", tag=b"document of " + place.encode())
            await sitting.settled()
            shown = [row for row in table if row.source == place]
            assert sitting.received() == sorted(sitting.expected(Kind.DOCUMENT, b"document", rows=shown))
            assert sitting.recorded() == sitting.to_be_recorded(Kind.DOCUMENT) & {
                f"{HANDLES[place]}-document"
            }
            stays = frozenset(row for row in sorted(table) if seeded.random() < 0.5)
            sitting.conduct(stays)
            for other in sitting.pages.values():
                ask_again(other)
            sitting.forget()
            await sitting.settled()
            kept = [row for row in stays if row.source == place]
            assert sitting.received() == sorted(
                sitting.expected(Kind.DOCUMENT, b"document", rows=kept, again=True)
            )
            sitting.now[0] += DOCUMENT_SECONDS + 1
            sitting.house.room._fanout.tick(sitting.now[0])


async def test_what_was_granted_before_a_denial_has_left_before_it(sitting):
    """A repetition that was granted in this very turn does not leave after the row is gone."""
    sitting.conduct(see_and_hear(*hearing_of(dict.fromkeys(ROLES, (True, [])))))
    sitting.everybody_sends(b"first")
    await sitting.settled()
    judge = str(PLACES[Role.PRESIDING])
    peer, page = sitting.peers[judge], sitting.pages[judge]
    pictures = {}
    for packet in map(read_rtp, page.rtp):
        if peer.outlets[packet.ssrc].section.kind is Kind.CAMERA:
            pictures.setdefault(packet.ssrc, []).append(packet.sequence)
    sitting.forget()
    sitting.house.room._fanout.asked(peer, Feedback(nacks=pictures))
    sitting.conduct(frozenset())
    granted = sitting.sealed[judge]
    await sitting.settled()
    assert sitting.sealed[judge] == granted == len(ROLES) - 2
