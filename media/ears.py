"""The process that listens: it decodes packets of sound and says how loud they are.

    python -m media.ears

A line in is a JSON list of Opus packets (RFC 6716) in base64, a line out the list of their peaks: 0 to 32768, of one
packet decoded by itself; 0 also of one that is none. It stands apart from everything live, so that whatever a hostile
packet does to a decoder ends here, and it ends with whoever started it.
"""

import asyncio
import base64
import contextlib
import json
import os
import sys
from array import array
from collections.abc import Sequence

import av
from av.audio.codeccontext import AudioCodecContext

LOUDEST = 32768
ANSWER_SECONDS = 8.0  # its start on a busy machine included
YIELDS = 5
LINE = 4 * 2**20  # bytes
SILENT_PACKET = bytes.fromhex("f8fffe")
LOUD_PACKET = bytes.fromhex(
    "48e2cd01e27df9921e4a332154ab26757c79e109a82088778dfee429da176a74d59e62a23fef849c808482e763b278a1b6ba34f0de989f6b"
    "495b204c2caad244cb7def91d523a756c4f775e93a870b95054a483b86a44c9f8e719aac0d4f994129425a6ffc19d61c8d9224f358a80098"
    "428187cecd82fa784c5b5cee3a13d4c8"
)

DEAF = "The sound cannot be listened to: the process that decodes it does not answer."


class Deaf(Exception):
    """Nothing was heard, and nothing can be said of the sound."""


class Ears:
    """The process, started when it is first asked, and again after it ended. Call it on one event loop."""

    def __init__(self, command: Sequence[str] = (sys.executable, "-m", "media.ears")) -> None:
        self._command = command
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None

    async def peaks(self, packets: Sequence[bytes]) -> list[int]:
        """Of each packet; the callers take turns. Raises: Deaf."""
        async with self._turn:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    return await self._asked(packets)
            except (OSError, ValueError, TimeoutError) as error:
                await self._end()
                raise Deaf(DEAF) from error
            except asyncio.CancelledError:
                await self._end()  # or its answer would be taken for that to the next question
                raise

    async def prove(self) -> None:
        """That silence and sound are told apart. Raises: Deaf."""
        silent, loud = await self.peaks([SILENT_PACKET, LOUD_PACKET])
        if silent != 0 or loud < LOUDEST // 64:
            raise Deaf(DEAF)

    async def close(self) -> None:
        """May be called twice; it begins anew if it is asked again."""
        async with self._turn:
            await self._end()

    async def _asked(self, packets: Sequence[bytes]) -> list[int]:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=LINE
            )
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps([base64.b64encode(packet).decode() for packet in packets]).encode() + b"\n")
        await stdin.drain()
        peaks = json.loads(await stdout.readline())
        if not isinstance(peaks, list) or len(peaks) != len(packets):
            raise ValueError("no answer to what was asked")
        return [int(peak) for peak in peaks]

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _peak(decoder: AudioCodecContext, packet: bytes) -> int:
    decoder.flush_buffers()
    try:
        frames = decoder.decode(av.Packet(packet)) if packet else []
    except av.FFmpegError:
        return 0
    loudest = 0
    for frame in frames:
        samples = array("h", bytes(frame.planes[0])[: 2 * frame.samples * frame.layout.nb_channels])
        loudest = max(loudest, max(samples, default=0), -min(samples, default=0))
    return loudest


def main() -> int:
    os.nice(YIELDS)
    decoder = av.CodecContext.create("libopus", "r")
    assert isinstance(decoder, AudioCodecContext)
    for line in sys.stdin.buffer:
        peaks = [_peak(decoder, base64.b64decode(packet)) for packet in json.loads(line)]
        sys.stdout.write(json.dumps(peaks) + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
