"""What was recorded over a way that loses, as programs of others read it: ffmpeg the copies, tshark the originals.

A packet is lost if it never came. One that was lost on the way and came when it was asked for again is in the original,
late; so neither we nor tshark count it as lost. Sound is not asked for again.
"""

import asyncio
import json
import re
import subprocess
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from frontend.rehearse import AUTHORITY, INTERPRETER, JUDGE, Cast, Hearing
from frontend.visitor import eventually
from media.synthetic import SyntheticPeer
from tests.browser.behind import court, media
from tests.browser.meeting import connected
from tests.browser.people import People, invited, open_link, sent_by
from tests.browser.wire import led
from tests.media.extract import numbers_of
from tests.media.hop import Hop, Road
from tests.story.telling import entries, scheduled

pytestmark = pytest.mark.asyncio(loop_scope="session")

__all__ = ["court", "media"]  # the fixtures

WITNESS = Cast("Witness A", "heard", "requested", capacity="witness")
WHOLE, LOSES, LOSES_MUCH, LOSES_ALL = Road(), Road(loss=0.05), Road(loss=0.85), Road(loss=1.0)
LOSES_SECONDS = 2
CUT_SECONDS = 1.3  # longer than what is missing is asked for; and a gap
ROUNDED = 0.0005  # of the packets: the journal has tenths of a per cent
NEAR = 2  # packets that were still asked for at one look, and are made up for at a later one


class Counted(NamedTuple):
    """Packets of a stream, and those of its numbers that never came."""

    packets: int
    lost: int


@pytest_asyncio.fixture(loop_scope="session")
async def hop(media: int) -> AsyncIterator[Hop]:
    async with Hop(to=("127.0.0.1", media), seed=1) as hop:
        yield hop


async def test_programs_of_others_read_what_was_recorded_over_a_way_that_loses(
    people: People, hearing: Hearing, hop: Hop, media: int, tmp_path: Path
) -> None:
    await everybody_comes(people, hearing, hop, media)
    await hearing.go_on_record()
    await figures(hearing, 1)
    for road in (LOSES, LOSES_MUCH, LOSES_ALL, LOSES):
        hop.up.road = road
        await asyncio.sleep(LOSES_SECONDS if road is LOSES else CUT_SECONDS)  # of recording
    hop.up.road = WHOLE
    _, told, *_ = await figures(hearing, 2)
    await hearing.bench.act("room/off-record", {"text": "Enough for today."})
    assert (await sent_by(people.present[0].page)).repeated > 0
    await hearing.finish()
    folder = unpacked(await hearing.package(tmp_path), tmp_path / "unpacked")

    copies, originals = sorted(folder.glob("*.webm")), sorted(folder.glob("*.pcapng"))
    assert (len(copies), len(originals)) == (3, 6)
    for copy in copies:
        ffmpeg_reads(copy, [one for one in originals if one.name[:8] == copy.name[:8]])
    lost = {original.name[9:]: 0 for original in originals}
    for original in originals:
        lost[original.name[9:]] += tshark_counts_what_we_counted(original, told)
    assert all(lost.values()), lost


async def everybody_comes(people: People, hearing: Hearing, hop: Hop, media: int) -> None:
    """A witness at a browser, whose pictures are repeated by RTX, and two places that repeat them as they were."""

    class Led(SyntheticPeer):
        async def connect(self, answer: str) -> None:
            await super().connect(hop.lead(answer))

    await scheduled(hearing)
    for seed, casts in enumerate(([JUDGE], [AUTHORITY, INTERPRETER])):
        await hearing.add(casts, seed=seed, equipment=lambda seed=seed: Led(seed=seed))
    link = await invited(hearing, WITNESS)
    await hearing.confirm_before()
    witness = await people("witness")
    await witness.context.add_init_script(led(media, hop.address))
    place = await open_link(witness.page, link)
    await hearing.open_room()
    await witness.go(f"/places/{place}/room")
    await hearing.bench.until(lambda view: connected(view, place))
    await hearing.admit_all()
    await hearing.bench.act(f"room/admit/{place}")


async def figures(hearing: Hearing, count: int) -> list[dict[str, Any]]:
    """What the journal tells of how everything came, once it has told so often."""
    told: list[dict[str, Any]] = []

    async def enough() -> bool:
        told[:] = await entries(hearing, "media.figures")
        return len(told) >= count

    await eventually(enough)
    return [one["members"] for one in told]


def unpacked(package: Path, folder: Path) -> Path:
    """The folder of the recordings."""
    with zipfile.ZipFile(package) as opened:
        opened.extractall(folder)
    (found,) = folder.glob("*/data/media")
    return found


# --- copies -----------------------------------------------------------------------------------------


def ffmpeg_reads(copy: Path, originals: list[Path]) -> None:
    """Without a word, to the end, and with all the sound that the originals hold."""
    own_times = (
        "-enc_time_base",
        "-1",
    )  # not those of a rate of pictures that it guesses, where two may fall together
    run("ffmpeg", "-v", "error", "-xerror", "-i", str(copy), "-map", "0", *own_times, "-f", "null", "-")
    shown = ("-show_entries", "stream=codec_name,nb_read_packets,nb_read_frames", "-of", "json")
    told = json.loads(run("ffprobe", "-v", "error", "-count_packets", "-count_frames", *shown, str(copy)))
    by_codec = {one["codec_name"]: one for one in told["streams"]}
    assert set(by_codec) == {"opus", "vp8"}
    (sound,) = (one for one in originals if "-audio-" in one.name)
    assert int(by_codec["opus"]["nb_read_packets"]) == sum(one.packets for one in by_numbers(sound).values())
    for one in by_codec.values():
        assert one["nb_read_frames"] == one["nb_read_packets"] > "0"


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    said = [line for line in done.stderr.splitlines() if "root" not in line]  # of tshark, whoever runs it
    assert (done.returncode, said) == (0, []), (command, done.stderr)
    return done.stdout


# --- originals --------------------------------------------------------------------------------------


def by_tshark(original: Path) -> dict[int, Counted]:
    """By SSRC. What is lost is counted from the first that came to the last that came."""
    told = run("tshark", "-r", str(original), "-d", "udp.port==5004,rtp", "-q", "-z", "rtp,streams")
    rows = re.findall(r"0x([0-9A-F]{8}) .* (\d+) +(-?\d+) \(-?[\d.]+%\)", told)
    return {int(ssrc, 16): Counted(int(packets), int(lost)) for ssrc, packets, lost in rows}


def by_numbers(original: Path, **within: int) -> dict[int, Counted]:
    """By SSRC; `within`: as in `numbers_of`."""
    return {
        ssrc: Counted(len(numbers), max(numbers) - min(numbers) + 1 - len(set(numbers)))
        for ssrc, numbers in numbers_of(original, **within).items()
    }


def to_the_last_that_came(original: Path) -> dict[int, Counted]:
    """As `by_numbers`, counted as tshark does: a layer may end with one that was asked for again."""
    return {
        ssrc: Counted(len(numbers), numbers[-1] - numbers[0] + 1 - len(numbers))
        for ssrc, numbers in numbers_of(original).items()
    }


def tshark_counts_what_we_counted(original: Path, told: dict[str, Any]) -> int:
    """How many. All that was lost was lost in the ten seconds of which this entry of the journal tells."""
    assert by_tshark(original) == to_the_last_that_came(original)
    lost = sum(one.lost for one in by_numbers(original).values())
    until = round(datetime.fromisoformat(told["at"]).astimezone(UTC).timestamp() * 1000)
    since = until - told["millis"]
    then = by_numbers(original, since_us=since * 1000, until_us=until * 1000)
    expected = sum(one.packets + one.lost for one in then.values())
    row = next(row for row in told["rows"] if original.name == f"{row['track']}-1.pcapng")
    ours = row["loss"] / 1000 * expected
    print(f"{row['track']}: of {expected} packets {lost} are lost, by our figures {ours:.1f}")
    assert abs(ours - lost) <= NEAR + ROUNDED * expected
    return lost
