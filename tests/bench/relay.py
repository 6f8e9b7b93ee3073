"""CPU time of the media worker for each packet that a listener receives, at 2 publishers × 10 listeners.

    python tests/bench/relay.py [--publishers 2] [--listeners 10] [--seconds 10]

The worker is the real process. The pages share this one: they encrypt what they send and count, but do not
decrypt, what they get. Sound is 50 packets a second, a picture 30 frames of 4 packets of 1100 bytes with a
key frame every two seconds. Printed last: microseconds of CPU a packet, of user and system time together.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "media")]

from bare_page import BarePage, until  # noqa: E402
from test_worker import Conductor  # noqa: E402

from media.control import Answered, Offered  # noqa: E402

SOUND = bytes(100)
PICTURE = bytes(1100)
FRAME_SECONDS = 1 / 30


class CountingPage(BarePage):
    """Counts SRTP datagrams instead of decrypting them, once it is connected."""

    counted = 0

    def datagram_received(self, data, address):
        if self.dtls.up and 128 <= data[0] <= 191 and not 192 <= data[1] <= 208:
            self.counted += 1
        else:
            super().datagram_received(data, address)


async def join(conductor, place, *, sends, lines):
    page = await CountingPage.open()
    sdp = page.offer(lines=lines, document=False, sends=sends)
    conductor.send(Offered(hearing="h1", place=place, connection=place, sdp=sdp))
    await until(lambda: any(answer.place == place for answer in conductor.all(Answered)), what="an answer")
    await page.connect([answer for answer in conductor.all(Answered) if answer.place == place][-1].sdp)
    return page


async def publish(page, seconds):
    begin = time.monotonic()
    for frame in range(round(seconds / FRAME_SECONDS)):
        await asyncio.sleep(max(0.0, begin + frame * FRAME_SECONDS - time.monotonic()))
        for part in range(4):
            key = frame % 60 == 0 and part == 0
            payload = page.vp8(PICTURE, key=key) if not part else b"\x00" + PICTURE
            page.send(page.rtp_packet("camera", payload, ticks=0 if part else 3000))
        for _ in range(2 if frame % 3 else 1):
            page.send(page.rtp_packet("audio", SOUND, level=30))


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(publishers, listeners, seconds):
    with tempfile.TemporaryDirectory() as folder:
        conductor = Conductor(Path(folder))
        await conductor.listen()
        await conductor.start()
        letters = "abcdefghijklmnopqrstuvwxyz"
        sources = [f"p{letters[number]}" for number in range(publishers)]
        places = sources + [f"l{letters[number]}" for number in range(listeners)]
        conductor.conduct(*places)
        pages = [
            await join(
                conductor,
                place,
                sends=("audio", "camera") if place in sources else (),
                lines=0 if place in sources else publishers,
            )
            for place in places
        ]
        await asyncio.gather(*(publish(page, 2.0) for page in pages[:publishers]))
        before = (cpu_seconds(conductor.process.pid), sum(page.counted for page in pages))
        await asyncio.gather(*(publish(page, seconds) for page in pages[:publishers]))
        await asyncio.sleep(0.2)
        after = (cpu_seconds(conductor.process.pid), sum(page.counted for page in pages))
        for page in pages:
            await page.close()
        await conductor.stop()
        await conductor.close()
        return after[0] - before[0], after[1] - before[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--publishers", type=int, default=2)
    parser.add_argument("--listeners", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=10.0)
    arguments = parser.parse_args()
    cpu, packets = asyncio.run(measure(arguments.publishers, arguments.listeners, arguments.seconds))
    sent = arguments.publishers * arguments.seconds * 170 * arguments.listeners
    sys.stdout.write(
        f"{packets} packets received of about {sent:.0f}, {cpu:.2f} s of CPU\n"
        f"{1e6 * cpu / packets:.1f} µs of CPU a packet received\n"
    )


if __name__ == "__main__":
    main()
