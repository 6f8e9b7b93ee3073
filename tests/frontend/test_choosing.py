"""The day that is shown, what is chosen on it, and what is said of what cannot be taken. Nothing typed breaks it."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontend.choosing import Asked, Choosing, Row, Usual, choosing
from hearings.schedule import NewSlot, cautioned
from hearings.sentences import Country, Day, Zone
from scheduling import zones
from scheduling.days import PublicHoliday, Seat

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
AMSTERDAM, LISBON = Seat("Europe/Amsterdam", "NL"), Seat("Europe/Lisbon", "PT")
AUCKLAND = Seat("Pacific/Auckland", "NZ")


def chosen(
    asked: Asked | None = None,
    seats: tuple[Seat, ...] = (AMSTERDAM, LISBON),
    *,
    own: str = "",
    named: datetime | None = None,
) -> Choosing:
    usual = Usual(zone=seats[0].zone, own=own or seats[0].zone, minutes=90, named=named)
    return choosing(asked or Asked(), usual, seats, now=NOW, language="en")


def rows(choice: Choosing) -> list[Row]:
    return [row for part in choice.parts for row in part.rows]


def test_a_good_hour_is_chosen_before_anything_is_asked() -> None:
    choice = chosen()
    assert (choice.day, choice.suits, choice.wrong) == (date(2026, 11, 27), True, {})
    assert choice.chosen is not None
    assert (choice.chosen.wall, choice.chosen.zone, choice.chosen.fold) == (
        "2026-11-27T11:00",
        AMSTERDAM.zone,
        "",
    )
    assert choice.chosen.cautions == ()
    assert choice.chosen.instant == choice.offered[0]


def test_both_clocks_stand_side_by_side_at_the_same_instant() -> None:
    choice = chosen(Asked(day="2026-12-02"))
    assert [[cell.time for cell in row.cells] for row in rows(choice)][22] == ["11:00", "10:00"]
    assert [cell.date for cell in rows(choice)[0].cells] == [None, date(2026, 12, 1)]
    assert [cell.date for cell in rows(choice)[2].cells] == [None, date(2026, 12, 2)]
    assert [(part.aside, part.since, part.until) for part in choice.parts] == [
        (True, "00:00", "09:00"),
        (False, "09:00", "18:00"),
        (True, "18:00", "24:00"),
    ]
    main = choice.parts[1]
    assert [main.begins(row, 1) for row in main.rows[:4]] == [True, False, True, False]
    suiting = [row.cells[0].time for row in rows(choice) if row.suits]
    assert (suiting[0], suiting[-1]) == ("10:00", "15:30")


def test_a_holiday_heads_its_column_and_makes_no_hour_good() -> None:
    choice = chosen(Asked(day="2026-12-01"))
    assert choice.columns[1].holiday is not None
    assert choice.columns[1].holiday.name == "Restoration of Independence Day"
    assert not choice.suits
    assert choice.chosen is not None
    assert [kind for kind, _ in choice.chosen.cautions] == ["holiday"]


def test_a_day_with_no_common_hour_offers_the_nearest_and_hides_none_of_them() -> None:
    choice = chosen(Asked(day="2026-12-01"), (AMSTERDAM, AUCKLAND))
    shown = {row.instant for part in choice.parts if not part.aside for row in part.rows}
    assert not choice.suits
    assert set(choice.offered) <= shown
    assert len(rows(choice)) == 48


def test_an_hour_that_comes_twice_has_two_rows_told_apart() -> None:
    choice = chosen(Asked(day="2026-10-25"))
    twice = [row for row in rows(choice) if row.cells[0].time == "02:30"]
    assert [row.cells[0].offset for row in twice] == ["UTC+02:00", "UTC+01:00"]
    for row, fold in zip(twice, ("earlier", "later"), strict=True):
        again = chosen(Asked(at=row.instant))
        assert again.chosen is not None
        assert (again.chosen.wall, again.chosen.fold) == ("2026-10-25T02:30", fold)


def test_a_typed_time_is_taken_refused_or_asked_about() -> None:
    taken = chosen(Asked(day="2026-12-02", time="14:10", minutes="45"))
    assert taken.chosen is not None
    assert (taken.chosen.wall, taken.minutes) == ("2026-12-02T14:10", 45)
    missing = chosen(Asked(day="2026-03-29", time="02:30"))
    assert missing.chosen is None
    assert "does not exist" in missing.wrong["time"]
    asked = chosen(Asked(day="2026-10-25", time="02:30"))
    assert asked.chosen is None
    assert "comes twice" in asked.wrong["time"]
    assert asked.twice == ("2026-10-25T00:30:00.000Z", "2026-10-25T01:30:00.000Z")
    said = chosen(Asked(day="2026-10-25", time="02:30", fold="later"))
    assert said.chosen is not None
    assert said.chosen.instant == asked.twice[1]


def test_a_third_clock_is_shown_where_the_reader_or_the_time_has_one() -> None:
    choice = chosen(Asked(day="2026-12-02", zone="Asia/Tokyo"), own="America/Lima")
    assert [column.zone for column in choice.columns] == [
        AMSTERDAM.zone,
        LISBON.zone,
        "Asia/Tokyo",
        "America/Lima",
    ]
    assert [cell.kind for cell in rows(choice)[0].cells][2:] == ["", ""]
    assert {row.cells[2].date for row in rows(choice)} == {None}
    assert choice.chosen is not None
    assert choice.chosen.zone == "Asia/Tokyo"


def test_the_time_that_the_judge_named_is_where_one_begins() -> None:
    named = datetime(2026, 12, 9, 13, 0, tzinfo=UTC)
    choice = chosen(named=named)
    assert choice.chosen is not None
    assert (choice.day, choice.chosen.wall) == (date(2026, 12, 9), "2026-12-09T14:00")
    other = chosen(Asked(day="2026-12-10"), named=named)
    assert other.chosen is not None
    assert other.chosen.wall == "2026-12-10T11:00"


def test_what_has_passed_is_shown_and_cannot_be_proposed() -> None:
    choice = chosen(Asked(at="2026-11-20T10:00:00Z"))
    assert choice.chosen is not None
    assert choice.chosen.past


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (Asked(day="0001-01-01"), "day"),
        (Asked(day="9999-12-31"), "day"),
        (Asked(day="tomorrow"), "day"),
        (Asked(day="2026-02-30"), "day"),
        (Asked(zone="../etc/passwd"), "zone"),
        (Asked(zone="europe/amsterdam"), "zone"),
        (Asked(zone="Z" * 10_000), "zone"),
        (Asked(minutes="0"), "minutes"),
        (Asked(minutes="525600"), "minutes"),
        (Asked(minutes="-90"), "minutes"),
        (Asked(minutes="٩٠"), "minutes"),
        (Asked(minutes="9" * 5000), "minutes"),
        (Asked(day="2026-12-02", time="25:00"), "time"),
        (Asked(day="2026-12-02", time="noon"), "time"),
        (Asked(at="0001-01-01T00:00:00+14:00"), "time"),
        (Asked(at="9999-12-31T23:59:59-14:00"), "time"),
        (Asked(at="2026-12-02T10:00:00"), "time"),
        (Asked(at="soon"), "time"),
    ],
    ids=lambda value: ascii(value)[:60],
)
def test_what_cannot_be_taken_is_said_beside_its_field_and_nothing_is_chosen(
    asked: Asked, field: str
) -> None:
    choice = chosen(asked)
    assert list(choice.wrong) == [field]
    assert len(choice.wrong[field]) < 250
    assert choice.chosen is None
    assert choice.told()["wrong"] == choice.wrong


def test_a_day_that_a_state_skipped_is_explained() -> None:
    choice = chosen(Asked(day="2011-12-30", zone="Pacific/Apia"))
    assert "is followed by 31 December 2011" in choice.wrong["day"]
    assert (choice.before, choice.after) == (date(2011, 12, 29), date(2011, 12, 31))


@pytest.mark.parametrize(("day", "before", "after"), [("1900-01-01", None, True), ("2199-12-31", True, None)])
def test_at_the_ends_of_the_calendar_there_is_no_further_day(day: str, before: object, after: object) -> None:
    choice = chosen(Asked(day=day))
    assert (choice.before is None, choice.after is None) == (before is None, after is None)
    assert rows(choice)


anything = st.text(max_size=30) | st.sampled_from(
    ["", "2026-12-02", "14:30", "Asia/Tokyo", "2026-12-02T10:00:00Z"]
)


@settings(max_examples=50)
@given(
    st.builds(Asked, day=anything, time=anything, fold=anything, zone=anything, minutes=anything, at=anything)
)
def test_whatever_stands_in_the_address_a_page_can_be_shown(asked: Asked) -> None:
    choice = chosen(asked)
    assert choice.wrong or choice.chosen
    assert choice.told()
    assert choice.to(day=choice.day).startswith("?")


@settings(max_examples=30)
@given(
    st.dates(date(2000, 1, 1), date(2040, 12, 31)),
    st.sampled_from(
        ["Europe/Amsterdam", "Australia/Lord_Howe", "America/Santiago", "Asia/Kathmandu", "Africa/Casablanca"]
    ),
    st.data(),
)
def test_every_row_says_exactly_what_is_then_proposed(day: date, zone: str, data: st.DataObject) -> None:
    choice = chosen(Asked(day=day.isoformat(), zone=zone))
    row = data.draw(st.sampled_from(rows(choice)))
    picked = chosen(Asked(at=row.instant, zone=zone)).chosen
    assert picked is not None
    slot = NewSlot(
        wall=datetime.fromisoformat(picked.wall), zone=picked.zone, fold=picked.fold or None, minutes=90
    )
    start = zones.instant_of(slot.wall, slot.zone, fold=slot.fold)
    assert start == datetime.fromisoformat(row.instant)


def test_a_caution_is_a_sentence_that_pages_can_say_in_another_language() -> None:
    told = cautioned(PublicHoliday("EG", date(2026, 7, 23), "July 23 Revolution Day"))
    assert str(told) == "Egypt: 23 July 2026 is a public holiday, July 23 Revolution Day."
    assert told.values["state"] == Country("EG")
    assert told.values["day"] == Day(date(2026, 7, 23))
    assert not isinstance(told.values["holiday"], Zone)
