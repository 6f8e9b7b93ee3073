"""The page of the time through its door: as JSON and as a page, for either side and for a third clock."""

from typing import Any

import pytest

from frontend.rehearse import AUTHORITY, Court, Hearing
from frontend.visitor import DoorRefused, Visitor

pytestmark = pytest.mark.asyncio(loop_scope="session")

PAGE = {"accept": "text/html"}


async def shown(visitor: Visitor, path: str, **asked: str) -> str:
    answer = await visitor.http.get(path, params=asked, headers=PAGE)
    assert answer.status_code == 200, answer.text
    return str(answer.text)


async def told(hearing: Hearing, **asked: str) -> Any:
    answer = await hearing.court.coordinator.http.get(f"/hearings/{hearing.id}/schedule", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_program_is_told_what_a_page_shows(hearing: Hearing) -> None:
    await hearing.request()
    assert (await told(hearing))["choice"] is None  # before the request is accepted nothing can be proposed
    await hearing.accept()
    choice = (await told(hearing, at="2031-06-05T16:00:00Z", minutes="60"))["choice"]
    assert choice["chosen"]["wall"] == "2031-06-05T18:00"
    assert choice["chosen"]["warnings"] == [
        {
            "kind": "free",
            "sentence": "In Europe/Amsterdam it is not within usual working hours (09:00 to 17:00): 18:00 to 19:00.",
        },
        {
            "kind": "free",
            "sentence": "In Europe/Lisbon it is not within usual working hours (09:00 to 17:00): 17:00 to 18:00.",
        },
    ]


@pytest.mark.parametrize(
    "asked",
    [
        {"day": "0001-01-01"},
        {"day": "9999-12-31", "zone": "Pacific/Kiritimati"},
        {"day": "2026-13-40"},
        {"zone": "../etc/passwd"},
        {"zone": "Z" * 10_000},
        {"minutes": "0"},
        {"minutes": "525600"},
        {"day": "2031-03-30", "time": "02:30"},
        {"day": "2031-10-26", "time": "02:30"},
        {"at": "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")},
    ],
    ids=lambda asked: ascii(asked)[:50],
)
async def test_what_cannot_be_taken_is_explained_on_the_page_and_to_a_program(
    hearing: Hearing, asked: dict[str, str]
) -> None:
    await hearing.request()
    await hearing.accept()
    path = f"/hearings/{hearing.id}/schedule"
    page = await shown(hearing.court.coordinator, path, **asked)
    assert 'class="wrong"' in page
    assert "/schedule/proposals" not in page
    choice = (await told(hearing, **asked))["choice"]
    assert choice["chosen"] is None
    assert all(len(sentence) < 250 for sentence in choice["wrong"].values())


async def test_a_warning_forbids_nothing_and_goes_with_the_time(hearing: Hearing) -> None:
    """Christmas night: proposed, shown to the other side with what to know, and fixed."""
    await hearing.request()
    await hearing.accept()
    body = {"wall": "2031-12-25T23:30", "zone": "Europe/Amsterdam", "minutes": 60}
    slot = await hearing.staff("schedule/proposals", body)
    (proposal,) = (await told(hearing))["proposals"]
    assert [one["kind"] for one in proposal["warnings"]] == [
        "night",
        "holiday",
        "holiday",
        "night",
        "holiday",
    ]
    assert hearing.desk is not None
    page = await shown(hearing.desk, f"/places/{hearing.desk.place}/schedule")
    assert "25 December 2031 is a public holiday, Christmas Day." in page
    assert "In Lisbon it is night, wholly or in part: 22:30 to 23:30." in page
    await hearing.abroad(f"schedule/proposals/{slot['slot']}/confirm")
    assert len((await told(hearing))["start"]["warnings"]) == 5


async def test_only_what_has_passed_is_refused(hearing: Hearing) -> None:
    await hearing.request()
    await hearing.accept()
    choice = (await told(hearing, at="2026-01-02T10:00:00Z"))["choice"]
    assert "past" in {one["kind"] for one in choice["chosen"]["warnings"]}
    page = await shown(
        hearing.court.coordinator, f"/hearings/{hearing.id}/schedule", at="2026-01-02T10:00:00Z"
    )
    assert "/schedule/proposals" not in page
    with pytest.raises(DoorRefused) as refused:
        await hearing.staff(
            "schedule/proposals", {"wall": "2026-01-02T11:00", "zone": "Europe/Amsterdam", "minutes": 60}
        )
    assert refused.value.field == "wall"


async def test_a_reader_elsewhere_sees_their_own_clock_besides_both_sides(hearing: Hearing) -> None:
    await hearing.request()
    await hearing.accept()
    await hearing.schedule()
    seat = await hearing.add([AUTHORITY], seed=0, zone="Asia/Tokyo")
    page = await shown(seat, f"/places/{seat.place}/schedule")
    assert "On your clock:" in page
    for city in ("Amsterdam", "Lisbon", "Tokyo"):
        assert f"({city}, " in page
    assert "On your clock:" not in await shown(hearing.court.coordinator, f"/hearings/{hearing.id}/schedule")


async def test_what_waits_for_this_side_comes_next_on_the_docket_and_on_every_page(hearing: Hearing) -> None:
    await hearing.request()
    await hearing.accept()
    await hearing.schedule()
    await hearing.add([AUTHORITY], seed=0)
    other_time = {
        "wall": "2031-06-06T14:30",
        "zone": "Europe/Amsterdam",
        "minutes": 60,
        "reason": "A strike.",
    }
    await hearing.abroad("schedule/proposals", other_time)
    proposes, changed = "The other side proposes a time.", "The other side changed the plan"
    assert (await following(hearing)).startswith(proposes)
    await hearing.abroad("schedule/postpone", {"code": "unavailable", "reason": "Everybody is on strike."})
    assert (await following(hearing)).startswith(changed)
    coordinator, pages = hearing.court.coordinator, f"/hearings/{hearing.id}"
    assert changed in await shown(coordinator, pages)
    (change,) = (await coordinator.get(f"{pages}/hearing"))["changes"]
    await hearing.staff(f"schedule/changes/{change['change']}/confirm")
    assert changed not in await following(hearing)


async def following(hearing: Hearing) -> str:
    """The next step of this hearing, as its line on the docket tells it."""
    lines = await hearing.court.coordinator.get("/hearings")
    return str(next(line["next"] for line in lines if line["hearing"] == hearing.id))


async def test_the_page_of_the_time_is_not_for_everybody(court: Court, hearing: Hearing) -> None:
    await hearing.request()
    with pytest.raises(DoorRefused) as refused:
        await court.visitor().get(f"/hearings/{hearing.id}/schedule?day=2031-06-05")
    assert refused.value.status == 401
