"""What the page of the time costs: a day on the clocks of two States with their holidays, first and later.

The first page of a service reads the rules of both zones, the holidays of both States and the templates; every later
one finds them read.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

began = time.perf_counter()
import holidays  # noqa: F401, E402 - what it costs to start

IMPORT_MS = (time.perf_counter() - began) * 1000

from frontend.choosing import Asked, Usual, choosing  # noqa: E402
from frontend.rehearse import Court, Hearing  # noqa: E402
from scheduling.days import Seat  # noqa: E402

TIMES = 30
PAIRS = (("NL", "Europe/Amsterdam", "PT", "Europe/Lisbon"), ("EG", "Africa/Cairo", "NZ", "Pacific/Auckland"))
PAGE = {"accept": "text/html"}


def chosen(seats: tuple[Seat, Seat]) -> float:
    """Milliseconds until a good hour is found and the day is laid out."""
    began = time.perf_counter()
    usual = Usual(zone=seats[0].zone, own=seats[0].zone, minutes=90)
    choosing(Asked(), usual, seats, now=datetime.now(UTC), language="en")
    return (time.perf_counter() - began) * 1000


async def pages(data: Path) -> list[float]:
    """Milliseconds of the same page, through its door."""
    async with Court(data) as court, Hearing(court) as hearing:
        await hearing.request()
        await hearing.accept()
        taken = []
        for _ in range(TIMES):
            began = time.perf_counter()
            answer = await court.coordinator.http.get(f"/hearings/{hearing.id}/schedule", headers=PAGE)
            taken.append((time.perf_counter() - began) * 1000)
            assert answer.status_code == 200
        return taken


def main() -> None:
    print(f"holidays, to import: {IMPORT_MS:.0f} ms")
    for state, zone, other_state, other_zone in PAIRS:
        seats = (Seat(zone, state), Seat(other_zone, other_state))
        first, *later = [chosen(seats) for _ in range(TIMES)]
        print(
            f"a day of {state} and {other_state}: {first:.0f} ms cold, {statistics.median(later):.1f} ms warm"
        )
    with tempfile.TemporaryDirectory() as folder:
        first, *later = asyncio.run(pages(Path(folder) / "data"))
    print(f"the page of the time: {first:.0f} ms cold, {statistics.median(later):.1f} ms warm")


if __name__ == "__main__":
    main()
