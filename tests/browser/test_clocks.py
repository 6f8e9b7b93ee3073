"""A flash and a beep of one moment lie together in the copy for playing. `tests/bench/clocks.py` does it for longer."""

import pytest

from frontend.rehearse import Hearing
from tests.browser.clapper import WITHIN, apart, beats, recorded
from tests.browser.people import People

pytestmark = pytest.mark.asyncio(loop_scope="session")

ON_RECORD_SECONDS = 20


async def test_a_flash_and_a_beep_are_recorded_together(people: People, hearing: Hearing) -> None:
    found = beats(await recorded(people, hearing, ON_RECORD_SECONDS))
    assert len(found) >= ON_RECORD_SECONDS - 4, found
    half = len(found) // 2
    for part in (found[:half], found[half:]):
        assert abs(apart(part)) < WITHIN, found
