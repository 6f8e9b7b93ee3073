"""An independent implementation on both ends: aiortc's own connections offer, decode, and see each other."""

import asyncio

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack
from bare_page import until
from test_room import floor, opened


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
