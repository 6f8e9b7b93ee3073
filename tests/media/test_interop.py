"""Other implementations on both ends: aiortc's own connections, and our synthetic peers, meet in a room."""

import asyncio

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack
from bare_page import until
from house import floor, opened

from media.channels import Kind
from media.control import Left
from media.synthetic import SyntheticPeer


class AiortcPage:
    """Sends a silent sound and a green picture, and counts decoded frames of what it gets."""

    def __init__(self, *, sends):
        self.connection = RTCPeerConnection()
        self.frames = {"audio": 0, "video": 0}
        self.counting = []
        if sends:
            self.connection.addTrack(AudioStreamTrack())
            self.connection.addTrack(VideoStreamTrack())
        else:
            self.connection.addTransceiver("audio", direction="recvonly")
            self.connection.addTransceiver("video", direction="recvonly")
        self.connection.on(
            "track", lambda track: self.counting.append(asyncio.ensure_future(self._count(track)))
        )

    async def _count(self, track):
        while True:
            await track.recv()
            self.frames[track.kind] += 1

    async def join(self, house, place):
        await self.connection.setLocalDescription(await self.connection.createOffer())
        answer = house.answer(house.offer(place, self.connection.localDescription.sdp))
        await self.connection.setRemoteDescription(RTCSessionDescription(sdp=answer, type="answer"))

    async def leave(self):
        for counting in self.counting:
            counting.cancel()
        await asyncio.gather(*self.counting, return_exceptions=True)
        await self.connection.close()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_frames_are_decoded_at_the_other_end():
    async with opened() as house:
        house.conduct(*floor("witness", "judge"))
        witness, judge = AiortcPage(sends=True), AiortcPage(sends=False)
        try:
            await witness.join(house, "witness")
            await judge.join(house, "judge")
            await until(lambda: judge.frames["audio"] >= 20 and judge.frames["video"] >= 10, seconds=15)
        finally:
            await witness.leave()
            await judge.leave()


def frames(peer, kind):
    mid = next(mid for mid, line in peer.lines.items() if line == (0, kind))
    return peer.received[mid].frames if mid in peer.received else 0


async def test_synthetic_peers_get_each_others_sound_and_picture():
    async with opened() as house:
        house.conduct(*floor("witness", "judge"), armed=True)
        peers = {place: SyntheticPeer(seed=number) for number, place in enumerate(("witness", "judge"))}
        try:
            for place, peer in peers.items():
                await peer.connect(house.answer(house.offer(place, peer.offer())))
            for peer in peers.values():
                await until(
                    lambda peer=peer: frames(peer, Kind.AUDIO) > 20 and frames(peer, Kind.CAMERA) > 10
                )
            tracks = {"witnessa-audio", "witnessa-camera", "judgeaaa-audio", "judgeaaa-camera"}
            assert {track for track, _ in house.recorder.packets} == tracks
            assert {track for track, _ in house.recorder.reports} <= tracks
        finally:
            for peer in peers.values():
                await peer.close()
        await until(lambda: [fact.place for fact in house.of(Left)] == ["witness", "judge"])
