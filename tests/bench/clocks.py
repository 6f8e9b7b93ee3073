"""Whether sound and picture stay together in what is recorded: a flash and a beep of a real Chromium, for long.

    python tests/bench/clocks.py [--seconds 1200]

A witness's page flashes and beeps at the same moment once a second (`tests/browser/clapper`), on the record, through
the real service. The copy for playing is decoded, and it is told by how much flashes come later than their beeps at
the start, in the middle and at the end: medians of twenty beats. `make test` does the same for twenty seconds.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from playwright.async_api import async_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

from frontend.rehearse import Court, Hearing  # noqa: E402
from tests.browser.chromium import chromium  # noqa: E402
from tests.browser.clapper import WITHIN, Beat, apart, beats, recorded  # noqa: E402
from tests.browser.people import People  # noqa: E402

TOGETHER = 20  # beats


async def recording(folder: Path, seconds: float) -> list[Beat]:
    async with (
        async_playwright() as playwright,
        await chromium(playwright) as browser,
        Court(folder / "data", apart=True) as court,
        Hearing(court) as hearing,
    ):
        people = People(browser, court.origin)
        copy = await recorded(people, hearing, seconds)
        for fault in await people.verdict():
            print(fault)
        await people.leave()
    return beats(copy)


def told(found: Sequence[Beat]) -> bool:
    """The table; whether flash and beep are together everywhere in it."""
    middle = max(0, len(found) // 2 - TOGETHER // 2)
    parts = {
        "start": found[:TOGETHER],
        "middle": found[middle : middle + TOGETHER],
        "end": found[-TOGETHER:],
    }
    print(f"{'':<8}{'from':>9}{'to':>9}{'beats':>7}{'flash after beep':>18}{'least':>8}{'most':>8}")
    for name, some in parts.items():
        each = [beat.apart for beat in some]
        print(
            f"{name:<8}{some[0].at:>7.1f} s{some[-1].at:>7.1f} s{len(some):>7}{apart(some):>15.1f} ms"
            f"{min(each):>8.1f}{max(each):>8.1f}"
        )
    medians = [apart(some) for some in parts.values()]
    worst = max(medians, key=abs)
    print(f"changed by {medians[-1] - medians[0]:+.1f} ms from start to end")
    print(
        f"target: within {WITHIN} ms: {'met' if abs(worst) < WITHIN else 'missed'}, at most {worst:+.1f} ms"
    )
    return abs(worst) < WITHIN


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=1200, help="on the record")
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory(prefix="vivavoce-") as scratch:
        found = asyncio.run(recording(Path(scratch), seconds))
    print(f"{len(found)} beats with a flash in {seconds} seconds on the record")
    if len(found) < seconds / 2:
        print("too few")
        return 1
    return 0 if told(found) else 1


if __name__ == "__main__":
    sys.exit(main())
