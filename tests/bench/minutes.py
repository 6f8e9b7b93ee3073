"""What the paper of the minutes costs: a hearing of four hours with 2,000 entries in its course, drawn as PDF.

In one language and in two beside each other; each is drawn anew in a process of its own, with the fonts read before, as a
service has them that drew minutes once. Seconds of the wall, and of this process's CPU; the target is three seconds.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT)]

from frontend.papers import Papers  # noqa: E402
from hearings.minutes_page import page  # noqa: E402
from hearings.minutes_pdf import draw_up  # noqa: E402
from tests.hearings.long_minutes import long_minutes  # noqa: E402

TARGET = 3.0  # seconds
SHAPES = ("en", "fr", "ar", "en,fr", "fr,ar", "en,zh", "ru,es")


def measured(languages: tuple[str, ...], entries: int) -> str:
    """Draws it once; tells what it took."""
    papers = Papers()
    draw_up(long_minutes(1), ("en",))
    given = long_minutes(entries)
    began, cpu = time.perf_counter(), time.process_time()
    page(given, languages, papers)
    told = time.perf_counter() - began
    pdf = draw_up(given, languages, papers)
    seconds, used = time.perf_counter() - began - told, time.process_time() - cpu - told
    return (
        f"{'+'.join(languages):6} {seconds:5.2f} s ({used:.2f} CPU s, {told:.2f} s of them for what stands there), "
        f"{len(pdf) / 1e6:.1f} MB{'' if seconds < TARGET else ', MORE THAN THE TARGET'}"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--entries", type=int, default=2000)
    parser.add_argument("--languages", help="such as fr,ar; without it several are measured")
    given = parser.parse_args()
    if given.languages:
        sys.stdout.write(measured(tuple(given.languages.split(",")), given.entries) + "\n")
        return
    sys.stdout.write(f"Minutes of a hearing with {given.entries} entries (target {TARGET:.0f} s):\n")
    sys.stdout.flush()
    for languages in SHAPES:
        subprocess.run(
            [sys.executable, __file__, "--languages", languages, "--entries", str(given.entries)], check=True
        )


if __name__ == "__main__":
    main()
