"""A flash and a beep of one moment lie together in the copy for playing. `tests/bench/clocks.py` does it for longer."""

import pytest

from frontend.rehearse import Hearing
from tests.browser.clapper import WITHIN, apart, beats, microphone_changed, recorded
from tests.browser.people import People

pytestmark = pytest.mark.asyncio(loop_scope="session")

ON_RECORD_SECONDS = 20


async def test_a_flash_and_a_beep_are_recorded_together(people: People, hearing: Hearing) -> None:
    """Also when the microphone was changed meanwhile: the RTP time of Chromium's sound stands still then."""
    found = beats(await recorded(people, hearing, ON_RECORD_SECONDS, meanwhile=microphone_changed))
    before = [beat for beat in found if beat.at < ON_RECORD_SECONDS / 2 - 3]
    after = [beat for beat in found if beat.at > ON_RECORD_SECONDS / 2 + 2]
    for part in (before, after):
        assert len(part) >= 5, found
        assert abs(apart(part)) < WITHIN, found
