"""Synthetic peers against the real room: media that flows, is counted, recorded, and can be decoded."""

import asyncio
import itertools
import json
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from extract import rtp_of, write_ivf, write_ogg
from keys import KEY, clear

from media.channels import Channel, Kind, Seat, table
from media.control import (
    Answered,
    GapFound,
    Lost,
    PeerPlan,
    RecordPlan,
    Returned,
    RoomPlan,
    SegmentKept,
    StretchKept,
)
from media.ears import Ears
from media.ice_lite import IceLite
from media.loops import PICTURES, Source, Turn, extensions_of, picture, sound
from media.offering import MID_ID
from media.room import Room
from media.rtp_header import read_rtp, read_vp8
from media.synthetic import Line, NotConnected, SyntheticPeer

HANDLES = {"judge": "aaaaaaaa", "witness": "bbbbbbbb", "interpreter": "cccccccc", "observer": "dddddddd"}


async def until(condition: Callable[[], object], *, seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - conditions on plain counters
            await asyncio.sleep(0.005)


class Stage:
    """A real room on loopback, and the peers in it."""

    def __init__(self, folder: Path, ice: IceLite) -> None:
        self.facts: list = []
        self.sent: list = []
        self.peers: dict[str, SyntheticPeer] = {}
        self.ears = Ears()
        self.room = Room("h", ice=ice, ears=self.ears, report=self.facts.append, send=self.sent.append)
        self.ice = ice
        self._folder = folder
        self._version = 0
        self._ticking = asyncio.create_task(self._tick())

    async def _tick(self) -> None:
        while True:
            self.room.tick()
            await asyncio.sleep(0.05)

    def conduct(self, *places: str, record: RecordPlan | None = None) -> None:
        self._version += 1
        seats = [
            Seat(place=place, channel=Channel.FLOOR, receive_only=place == "observer") for place in places
        ]
        self.room.conduct(
            RoomPlan(
                hearing="h",
                version=self._version,
                folder=str(self._folder),
                peers=[PeerPlan(place=place, handle=HANDLES[place]) for place in places],
                allowed=sorted(table(seats, recorder=True)),
                armed=True,
                record=record,
            )
        )

    async def join(self, place: str, peer: SyntheticPeer) -> SyntheticPeer:
        self.peers[place] = peer
        self.room.offered(place=place, connection=place, sdp=peer.offer())
        answer = self.sent[-1]
        assert isinstance(answer, Answered), answer
        await peer.connect(answer.sdp)
        return peer

    def told(self, kind: type) -> list:
        return [fact for fact in self.facts if isinstance(fact, kind)]

    async def close(self) -> None:
        for peer in self.peers.values():
            await peer.close()
        self._ticking.cancel()
        await self.room.close()
        await self.ears.close()
        self.ice.close()


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    made = Stage(tmp_path, await IceLite.open(listen="127.0.0.1"))
    yield made
    await made.close()


def on(peer: SyntheticPeer, kind: Kind) -> list:
    """What the peer received of this kind."""
    return [count for mid, count in peer.received.items() if peer.lines[mid].kind is kind]


# --- the loops ------------------------------------------------------------------------------------


def test_a_loop_of_sound_is_four_seconds_and_differs_by_seed():
    frames = sound(1)
    assert len(frames) == 200
    assert min(frame.level for frame in frames) < 25
    assert max(frame.level for frame in frames) > 50
    assert all(frame.parts[0][0] >> 3 in (9, 15) for frame in frames)  # SILK or hybrid, 20 ms, one channel
    assert sum(frame.parts[0][1] & 0x40 > 0 for frame in frames) > 100  # the frame before is repeated: FEC
    assert min(len(frame.parts[0]) for frame in frames) > 10  # no DTX
    assert sound(1) is frames
    assert sound(2) != frames


def test_in_turns_one_speaks_and_the_others_are_quiet():
    first, second = sound(1, Turn(0, 3)), sound(2, Turn(1, 3))
    assert len(first) == len(second) == 3 * 200
    assert [loudest(first, number) < 25 for number in range(3)] == [True, False, False]
    assert [loudest(second, number) < 25 for number in range(3)] == [False, True, False]
    assert min(loudest(first, number) for number in (1, 2)) > 60, "no voice (RFC 6464's bit is not set)"
    assert first[:200] == sound(1)
    assert min(len(frame.parts[0]) for frame in first) > 10  # no DTX: silence is sent


def loudest(frames: tuple, number: int) -> int:
    """The level of a round, in −dBov."""
    return min(frame.level for frame in frames[200 * number : 200 * (number + 1)])


def test_a_loop_of_few_pictures_moves_as_fast_and_costs_less():
    few, many = (picture(1, width=320, height=240, rate=rate) for rate in (5, PICTURES))
    assert [at for at, frame in enumerate(few) if frame.keyframe] == [0, 5, 10, 15]
    assert len(few) == 20
    assert size(few) < size(many) / 2


def size(frames: tuple) -> int:
    return sum(len(part) for frame in frames for part in frame.parts)


def test_a_loop_of_pictures_has_a_key_frame_each_second_and_differs_by_seed():
    frames = picture(1, width=320, height=240)
    assert [at for at, frame in enumerate(frames) if frame.keyframe] == [0, 15, 30, 45]
    assert len(frames) == 60
    assert picture(2, width=320, height=240) != frames


def source(seed: int = 1) -> Source:
    return Source(
        picture(seed, width=320, height=240),
        payload_type=96,
        rate=90_000,
        step=6_000,
        extensions=extensions_of(named=[(MID_ID, "1")]),
    )


def test_a_source_goes_round_without_a_seam():
    pictures = source()
    packets = [read_rtp(raw) for _ in range(130) for raw in pictures.packets(pictures.due)]
    assert all(b.sequence - a.sequence & 0xFFFF == 1 for a, b in itertools.pairwise(packets))
    ids = [read_vp8(packet.payload).picture for packet in packets if packet.marker]
    assert all(b - a & 0x7FFF == 1 for a, b in itertools.pairwise(ids))
    times = [packet.timestamp for packet in packets if packet.marker]
    assert all((b - a) % 2**32 == 6000 for a, b in itertools.pairwise(times))
    keyframes = [at for at, packet in enumerate(packets) if read_vp8(packet.payload).keyframe]
    assert len(keyframes) == 9
    assert packets[0].extensions == {MID_ID: b"1"}


def test_a_source_that_is_asked_for_a_key_frame_sends_it_next():
    pictures = source()
    for _ in range(3):
        pictures.packets(pictures.due)
    assert not read_vp8(read_rtp(pictures.packets(pictures.due)[0]).payload).keyframe
    pictures.refresh()
    assert read_vp8(read_rtp(pictures.packets(pictures.due)[0]).payload).keyframe


def test_a_source_that_was_held_up_goes_on_by_the_clock():
    pictures = source()
    first = read_rtp(pictures.packets(pictures.due)[0])
    late = read_rtp(pictures.packets(pictures.due + 3.01)[0])
    assert (late.timestamp - first.timestamp) % 2**32 == 46 * 6000
    assert (late.sequence - first.sequence) % 2**16 < 20


# --- in a room ------------------------------------------------------------------------------------


async def test_everyone_hears_and_sees_everyone_else(stage):
    places = ("judge", "witness", "observer")
    stage.conduct(*places)
    for seed, place in enumerate(places):
        sends = place != "observer"
        await stage.join(place, SyntheticPeer(seed=seed, sends=tuple(Kind) if sends else ()))
    judge, witness, observer = stage.peers.values()
    await until(
        lambda: all(count.frames > 20 for count in on(observer, Kind.AUDIO)) and on(observer, Kind.AUDIO)
    )
    await until(lambda: len(on(observer, Kind.CAMERA)) == 2)
    await until(lambda: all(count.frames > 15 for count in on(observer, Kind.CAMERA)))
    for peer in (judge, witness):
        assert len(on(peer, Kind.AUDIO)) == len(on(peer, Kind.CAMERA)) == 1
    assert judge.lines["2"] == Line(0, Kind.AUDIO)
    assert judge.lines["10"] == Line(None, Kind.DOCUMENT)
    (heard,) = on(judge, Kind.AUDIO)
    assert heard.bytes > heard.packets > 0
    assert time.time() - heard.last_at < 1
    assert len(heard.ssrcs) == 1


async def test_a_late_listener_gets_a_picture_at_once(stage):
    stage.conduct("judge", "witness")
    await stage.join("witness", SyntheticPeer(seed=1))
    await asyncio.sleep(0.5)  # within the second between two key frames
    judge = await stage.join("judge", SyntheticPeer(seed=2))
    joined = time.monotonic()
    await until(lambda: on(judge, Kind.CAMERA))
    assert time.monotonic() - joined < 0.5


async def test_silence_is_a_loss_and_speaking_a_return(stage):
    stage.conduct("judge", "witness")
    await stage.join("judge", SyntheticPeer(seed=1))
    witness = await stage.join("witness", SyntheticPeer(seed=2))
    await until(lambda: on(witness, Kind.AUDIO))
    witness.silence()
    await until(lambda: stage.told(Lost))
    witness.speak()
    await until(lambda: stage.told(Returned))
    assert stage.told(Returned)[0].place == "witness"


async def test_nobody_who_answers(stage, monkeypatch):
    monkeypatch.setattr("media.synthetic.CONNECT_SECONDS", 0.3)
    stage.conduct("judge")
    peer = SyntheticPeer(seed=1)
    stage.room.offered(place="judge", connection="c", sdp=peer.offer())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        elsewhere = stage.sent[-1].sdp.replace(
            f" {stage.ice.candidates[0].port} typ", f" {deaf.getsockname()[1]} typ"
        )
        with pytest.raises(NotConnected, match=r"within 0\.3 seconds"):
            await peer.connect(elsewhere)
    with pytest.raises(NotConnected):
        await SyntheticPeer(seed=1).connect("no answer")


async def test_a_packet_asked_for_again_comes_with_the_same_bytes():
    peer = SyntheticPeer(seed=1)
    sent: list[bytes] = []
    peer._transmit = sent.append
    pictures = source()
    peer._sources[pictures.ssrc] = pictures
    packets = pictures.packets(pictures.due)
    sequences = [int.from_bytes(packet[2:4], "big") for packet in packets]
    peer._sent[pictures.ssrc] = [(n, b"protected %d" % n) for n in sequences]
    nack = struct.pack("!BBHIIHH", 0x81, 205, 3, 1, pictures.ssrc, sequences[0], 0)
    peer._rtcp(nack)
    assert sent == [b"protected %d" % sequences[0]]
    await peer.close()


async def test_a_key_frame_asked_for_comes_next():
    peer = SyntheticPeer(seed=1)
    pictures = source()
    peer._sources[pictures.ssrc] = pictures
    for _ in range(2):
        pictures.packets(pictures.due)
    peer._rtcp(struct.pack("!BBHII", 0x81, 206, 2, 1, pictures.ssrc))  # PLI, RFC 4585 section 6.3.1
    assert read_vp8(read_rtp(pictures.packets(pictures.due)[0]).payload).keyframe
    peer._rtcp(b"rubbish")
    await peer.close()


# --- on the record --------------------------------------------------------------------------------


async def test_what_is_recorded_can_be_decoded_by_others(stage, tmp_path):
    """Room, recorder and peers together: three people, one of whom is lost and comes back."""
    for tool in ("ffmpeg", "ffprobe", "tshark"):
        assert shutil.which(tool), f"{tool} is needed: tests/tools.sh installs it"
    stage.conduct("judge", "witness", "interpreter")
    await stage.join("judge", SyntheticPeer(seed=1))
    witness = await stage.join("witness", SyntheticPeer(seed=2, sends=[Kind.AUDIO]))
    await until(lambda: on(witness, Kind.AUDIO))
    await asyncio.sleep(0.2)

    since = time.time_ns() // 1_000_000
    tracks = [
        f"{HANDLES[place]}-{kind}"
        for place in ("judge", "witness", "interpreter")
        for kind in ("audio", "camera")
    ]
    plan = RecordPlan(stretch=1, since=since, tracks=tracks, key=KEY)
    stage.conduct("judge", "witness", "interpreter", record=plan)
    await asyncio.sleep(1.0)
    witness.silence()
    await asyncio.sleep(1.5)
    witness.speak()
    await until(lambda: time.time_ns() // 1_000_000 >= since + 5000)
    end = since + 5000
    stage.conduct("judge", "witness", "interpreter", record=plan.model_copy(update={"until": end}))
    await until(lambda: stage.told(StretchKept))

    account = {track: tiles(stage, track, since) for track in tracks}
    judge, lost = HANDLES["judge"], HANDLES["witness"]
    assert account[f"{judge}-audio"] == [(0, 2000, "kept"), (2000, 4000, "kept"), (4000, 5000, "kept")]
    assert [tile[2] for tile in account[f"{lost}-audio"]][:2] == ["kept", "connection-lost"]
    assert {tile[2] for tile in account[f"{lost}-camera"]} == {"not-sent"}
    assert account[f"{HANDLES['interpreter']}-audio"] == [(0, 5000, "not-joined")]
    for track in tracks:
        assert [a[1] for a in account[track]][:-1] == [b[0] for b in account[track]][1:]

    heard, seen = (tmp_path / f"clear-{kind}.pcapng" for kind in ("audio", "camera"))
    for kind, written in (("audio", heard), ("camera", seen)):
        written.write_bytes(clear(tmp_path / f"{judge}-{kind}-1.pcapng"))
    write_ogg(heard, tmp_path / "judge.ogg")
    assert decoded(tmp_path / "judge.ogg") == pytest.approx(5.0, abs=0.06)
    frames = write_ivf(seen, tmp_path / "judge.ivf")
    assert frames == pytest.approx(5 * PICTURES, abs=PICTURES + 1)  # up to a second waits for a key frame
    assert decoded(tmp_path / "judge.ivf") == pytest.approx(frames / PICTURES, abs=0.1)
    assert len(rtp_of(heard)) == pytest.approx(250, abs=3)
    packets, lost = counted_by_tshark(heard)
    assert (packets, lost) == (len(rtp_of(heard)), 0)


def tiles(stage: Stage, track: str, since: int) -> list[tuple[int, int, str]]:
    return sorted(
        (fact.since - since, fact.until - since, getattr(fact, "reason", "kept"))
        for fact in stage.facts
        if isinstance(fact, SegmentKept | GapFound) and fact.track == track
    )


def decoded(path: Path) -> float:
    """Decodes everything with ffmpeg, which must find nothing wrong; the seconds that it found."""
    run = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(path), "-f", "null", "-"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert run.stderr == ""
    asked = [
        "ffprobe",
        "-v",
        "error",
        "-of",
        "json",
        "-show_packets",
        "-show_entries",
        "packet=pts_time,duration_time",
    ]
    found = json.loads(subprocess.check_output([*asked, str(path)]))["packets"]
    first, last = float(found[0]["pts_time"]), float(found[-1]["pts_time"])
    return last - first + (last - first) / (len(found) - 1)


def counted_by_tshark(original: Path) -> tuple[int, int]:
    """Packets and losses of the one stream in the file."""
    found = subprocess.check_output(
        ["tshark", "-r", str(original), "-d", "udp.port==5004,rtp", "-q", "-z", "rtp,streams"], text=True
    )
    (line,) = [line.split() for line in found.splitlines() if "192.0.2.254" in line]
    return int(line[8]), int(line[9])
