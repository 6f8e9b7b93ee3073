"""Golden days of States with other weekends, moons and clocks; and the rules of what to say, checked against plain ones."""

import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling import zones
from scheduling.days import (
    Caution,
    ClocksChange,
    HolidaysUnknown,
    Kind,
    Night,
    OtherDate,
    OutsideHours,
    Past,
    PublicHoliday,
    Seat,
    Soon,
    Weekend,
    holiday,
    kind,
    known,
    next_day,
    ranked,
    slots,
    warnings,
    weekend,
    worst,
)

AMSTERDAM, LISBON = Seat("Europe/Amsterdam", "NL"), Seat("Europe/Lisbon", "PT")
LIMA, CAIRO = Seat("America/Lima", "PE"), Seat("Africa/Cairo", "EG")
AUCKLAND, NEW_YORK = Seat("Pacific/Auckland", "NZ"), Seat("America/New_York", "US")
KATHMANDU = Seat("Asia/Kathmandu", "NP")
SEATS = [AMSTERDAM, LISBON, LIMA, CAIRO, AUCKLAND, NEW_YORK, KATHMANDU]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def at(text: str, seat: Seat) -> datetime:
    return zones.instant_of(datetime.fromisoformat(text), seat.zone)


def said(start: datetime, minutes: int, *seats: Seat, now: datetime = LONG_AGO) -> list[Caution]:
    return warnings(start, minutes, seats, now=now)


# --- days of a State


@pytest.mark.parametrize(
    ("day", "state", "language", "name", "of"),
    [
        ("2026-12-25", "NL", "en", "Christmas Day", "en-US"),
        ("2026-12-25", "NL", "ar", "Eerste kerstdag", "nl"),
        ("2026-12-25", "NL", "", "Eerste kerstdag", "nl"),
        ("2026-07-23", "EG", "en", "July 23 Revolution Day", "en-US"),
        ("2026-07-23", "EG", "ar", "عيد ثورة ٢٣ يوليو", "ar-EG"),
        ("2026-02-06", "NZ", "ar", "Waitangi Day", "en"),
        ("2026-07-28", "PE", "en-GB", "Independence Day", "en-US"),
    ],
)
def test_a_holiday_is_named_in_the_readers_language_or_the_states_own(day, state, language, name, of):
    found = holiday(date.fromisoformat(day), state, language)
    assert (found.name, found.language) == (name, of)


@pytest.mark.parametrize(("day", "state"), [("2026-11-24", "NL"), ("2026-12-25", "ZZ"), ("2150-12-25", "US")])
def test_an_ordinary_day_is_no_holiday_nor_is_one_that_nobody_knows(day, state):
    assert holiday(date.fromisoformat(day), state) is None


@pytest.mark.parametrize(
    ("state", "rests"),
    [
        ("NL", "Sat Sun"),
        ("EG", "Fri Sat"),
        ("IR", "Fri"),
        ("BN", "Fri Sun"),
        ("AE", "Sat Sun"),
        ("ZZ", "Sat Sun"),
    ],
)
def test_weekends_differ(state, rests):
    week = [date(2026, 11, 23) + timedelta(days=n) for n in range(7)]
    assert " ".join(f"{day:%a}" for day in week if weekend(day, state)) == rests


def test_a_state_may_change_its_weekend_and_work_on_one():
    assert weekend(date(2021, 11, 26), "AE")  # a Friday, until 2022
    assert not weekend(date(2026, 11, 27), "AE")
    assert not weekend(date(2024, 2, 4), "CN")  # a Sunday on which China worked for the days of the new year


def test_what_is_known_is_told_apart_from_what_is_not():
    assert known("NL", 2026)
    for state, year in (("ZZ", 2026), ("", 2026), ("nl", 2026), ("NLD", 2026), ("../x", 2026), ("US", 2150)):
        assert not known(state, year)


def test_the_machines_own_language_is_never_asked():
    """The library would; the names of one hearing must not depend on who started the service."""
    ask = (
        "from datetime import date; from scheduling.days import holiday; "
        "print(holiday(date(2026, 12, 25), 'NL', 'ar').name)"
    )
    told = subprocess.run(
        [sys.executable, "-c", ask], env={"LANGUAGE": "uk"}, capture_output=True, text=True, check=True
    )
    assert told.stdout == "Eerste kerstdag\n"


# --- moments


@pytest.mark.parametrize(
    ("when", "seat", "what"),
    [
        ("2026-11-24 09:00", AMSTERDAM, Kind.WORKING),
        ("2026-11-24 16:59", AMSTERDAM, Kind.WORKING),
        ("2026-11-24 17:00", AMSTERDAM, Kind.FREE),
        ("2026-11-24 08:59", AMSTERDAM, Kind.FREE),
        ("2026-11-24 21:59", AMSTERDAM, Kind.FREE),
        ("2026-11-24 22:00", AMSTERDAM, Kind.NIGHT),
        ("2026-11-24 05:59", AMSTERDAM, Kind.NIGHT),
        ("2026-11-24 06:00", AMSTERDAM, Kind.FREE),
        ("2026-11-28 10:00", AMSTERDAM, Kind.WEEKEND),
        ("2026-11-28 20:00", AMSTERDAM, Kind.WEEKEND),
        ("2026-11-28 23:00", AMSTERDAM, Kind.NIGHT),
        ("2026-12-25 10:00", AMSTERDAM, Kind.HOLIDAY),
        ("2026-12-26 10:00", AMSTERDAM, Kind.HOLIDAY),
        ("2026-11-27 10:00", CAIRO, Kind.WEEKEND),
        ("2026-11-29 10:00", CAIRO, Kind.WORKING),
    ],
)
def test_a_moment_is_of_one_kind(when, seat, what):
    assert kind(at(when, seat), seat) is what


def test_one_instant_is_another_day_elsewhere():
    morning = at("2026-12-25 10:00", AUCKLAND)
    assert kind(morning, AUCKLAND) is Kind.HOLIDAY
    assert kind(morning, NEW_YORK) is Kind.WORKING  # still the day before


@given(
    st.datetimes(min_value=datetime(2024, 1, 1), max_value=datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.integers(1, 600),
    st.sampled_from(SEATS),
)
def test_the_worst_of_a_hearing_is_that_of_its_minutes(start, minutes, seat):
    start = start.replace(second=0, microsecond=0)
    every = {kind(start + timedelta(minutes=n), seat) for n in range(minutes)}
    assert worst(start, minutes, seat) is max(every)


# --- a day to choose from


@pytest.mark.parametrize(
    ("day", "seat", "many", "first", "last"),
    [
        ("2026-11-24", AMSTERDAM, 48, "00:00", "23:30"),
        ("2026-03-29", AMSTERDAM, 46, "00:00", "23:30"),
        ("2026-10-25", AMSTERDAM, 50, "00:00", "23:30"),
        ("2026-09-06", Seat("America/Santiago", "CL"), 46, "01:00", "23:30"),
        ("2026-04-04", Seat("America/Santiago", "CL"), 50, "00:00", "23:30"),
        ("2026-04-05", Seat("Australia/Lord_Howe", "AU"), 49, "00:00", "23:30"),
        ("2026-11-24", KATHMANDU, 48, "00:00", "23:30"),
    ],
)
def test_a_day_has_as_many_half_hours_as_the_clocks_show(day, seat, many, first, last):
    found = slots(date.fromisoformat(day), seat.zone)
    shown = [zones.on_clock(one, seat.zone) for one in found]
    assert len(found) == many
    assert (f"{shown[0].time:%H:%M}", f"{shown[-1].time:%H:%M}") == (first, last)
    assert {clock.date for clock in shown} == {date.fromisoformat(day)}
    assert {clock.time.minute for clock in shown} == {0, 30}
    assert found == sorted(set(found))


def test_a_day_that_a_state_skipped_has_none():
    with pytest.raises(zones.MissingTime):
        slots(date(2011, 12, 30), "Pacific/Apia")


def test_the_best_hours_come_first():
    day = slots(date(2026, 12, 2), LISBON.zone)
    best = ranked(day, 60, [AMSTERDAM, LISBON])
    assert len(best) == len(day)
    assert [one.suits for one in best] == sorted((one.suits for one in best), reverse=True)
    assert best[0].start == at("2026-12-02 11:00", AMSTERDAM)  # an hour after Lisbon opens
    assert best[0].worst == (Kind.WORKING, Kind.WORKING)
    suiting = {f"{zones.on_clock(one.start, LISBON.zone).time:%H:%M}" for one in best if one.suits}
    assert (min(suiting), max(suiting), len(suiting)) == ("09:00", "15:00", 13)
    assert Kind.NIGHT in best[-1].worst


def test_where_nothing_suits_both_the_least_bad_comes_first_and_nobody_is_woken():
    best = ranked(slots(date(2026, 12, 1), AMSTERDAM.zone), 90, [AMSTERDAM, AUCKLAND])
    assert not any(one.suits for one in best)
    assert max(best[0].worst) is Kind.FREE


@given(st.dates(date(2024, 1, 1), date(2030, 1, 1)), st.sampled_from(SEATS), st.sampled_from(SEATS))
def test_the_order_is_that_of_the_rule(day, one, other):
    minutes, seats = 90, [one, other]
    for before, after in zip(best := ranked(slots(day, one.zone), minutes, seats), best[1:], strict=False):
        assert before.lost <= after.lost
        assert before.suits or not after.suits
    for choice in best:
        assert choice.worst == tuple(worst(choice.start, minutes, seat) for seat in seats)
        assert choice.suits == (choice.lost == 0)


@pytest.mark.parametrize(
    ("now", "seats", "day"),
    [
        ("2026-11-24 12:00", [AMSTERDAM, LISBON], "2026-11-30"),  # not the weekend
        ("2026-11-20 12:00", [AMSTERDAM, LISBON], "2026-11-24"),
        ("2026-11-26 12:00", [AMSTERDAM, LISBON], "2026-11-30"),
        ("2026-11-27 12:00", [AMSTERDAM, LISBON], "2026-12-02"),  # 1 December is a holiday in Portugal
        (
            "2026-11-23 12:00",
            [AMSTERDAM, CAIRO],
            "2026-11-30",
        ),  # Friday, Saturday there, Saturday, Sunday here
        ("2026-11-20 12:00", [AMSTERDAM, AUCKLAND], "2026-11-24"),  # no common hour on any day
    ],
)
def test_the_first_day_that_suits_both(now, seats, day):
    found = next_day(at(now, AMSTERDAM), AMSTERDAM.zone, seats, 90)
    assert found == date.fromisoformat(day)


# --- what is said of a time


def test_a_good_time_needs_no_word():
    assert said(at("2026-12-02 11:00", AMSTERDAM), 90, AMSTERDAM, LISBON) == []


def test_each_thing_to_know_is_said_in_a_sentence():
    start = at("2026-12-25 04:00", AMSTERDAM)
    found = said(start, 90, AMSTERDAM, LIMA, CAIRO, now=start - timedelta(days=1))
    assert [str(one) for one in found] == [
        "This is less than 3 days from now: not everybody may learn of it in time.",
        "In Europe/Amsterdam it is night, wholly or in part: 04:00 to 05:30.",
        "NL: 2026-12-25 is a public holiday, Christmas Day.",
        "In America/Lima it is night, wholly or in part: 22:00 to 23:30.",
        "In Africa/Cairo it is night, wholly or in part: 05:00 to 06:30.",
        "EG: 2026-12-25 is at the weekend.",
        "The dates differ: it begins on 2026-12-25 in Europe/Amsterdam, and on 2026-12-24 in America/Lima.",
    ]


@pytest.mark.parametrize(
    ("start", "minutes", "seat", "caution"),
    [
        ("2026-12-02 08:30", 60, AMSTERDAM, OutsideHours(AMSTERDAM.zone, "08:30", "09:30")),
        ("2026-12-02 16:30", 31, AMSTERDAM, OutsideHours(AMSTERDAM.zone, "16:30", "17:01")),
        ("2026-12-02 21:00", 61, AMSTERDAM, Night(AMSTERDAM.zone, "21:00", "22:01")),
        ("2026-12-02 05:59", 30, AMSTERDAM, Night(AMSTERDAM.zone, "05:59", "06:29")),
        ("2026-11-28 10:00", 60, AMSTERDAM, Weekend("NL", date(2026, 11, 28))),
        (
            "2026-12-02 10:00",
            60,
            Seat("Europe/Amsterdam", "ZZ"),
            HolidaysUnknown("ZZ", 2026, date(2026, 12, 2)),
        ),
        (
            "2026-12-01 10:00",
            60,
            LISBON,
            PublicHoliday("PT", date(2026, 12, 1), "Restoration of Independence Day"),
        ),
        (
            "2026-03-29 10:00",
            60,
            AMSTERDAM,
            ClocksChange(AMSTERDAM.zone, date(2026, 3, 29), "+01:00", "+02:00"),
        ),
        (
            "2026-10-25 10:00",
            60,
            AMSTERDAM,
            ClocksChange(AMSTERDAM.zone, date(2026, 10, 25), "+02:00", "+01:00"),
        ),
        ("2026-11-27 23:30", 60, AMSTERDAM, Weekend("NL", date(2026, 11, 28))),  # it ends on Saturday
    ],
)
def test_what_is_said_of_one_seat(start, minutes, seat, caution):
    assert caution in said(at(start, seat), minutes, seat)


@pytest.mark.parametrize(
    ("start", "minutes"), [("2026-12-02 09:00", 480), ("2026-12-02 16:30", 30), ("2026-12-02 09:00", 5)]
)
def test_to_the_minute_within_working_hours_nothing_is_said(start, minutes):
    assert said(at(start, AMSTERDAM), minutes, AMSTERDAM) == []


def test_short_notice_ends_after_three_days_and_what_has_begun_has_passed():
    start = at("2026-12-02 11:00", AMSTERDAM)
    for ahead, expected in (
        (timedelta(days=3), []),
        (timedelta(days=3, seconds=-1), [Soon()]),
        (timedelta(seconds=1), [Soon()]),
        (timedelta(), [Past()]),
        (-timedelta(days=400), [Past()]),
    ):
        assert said(start, 60, AMSTERDAM, now=start - ahead) == expected


def test_two_seats_in_one_state_and_zone_are_warned_of_once():
    found = said(at("2026-12-25 23:00", AMSTERDAM), 60, AMSTERDAM, AMSTERDAM)
    assert len(found) == len(set(found)) == 2
    assert [one.kind for one in found] == ["night", "holiday"]


def test_holidays_of_each_are_told_where_both_share_a_clock():
    berlin = Seat("Europe/Berlin", "DE")
    king = said(at("2026-04-27 11:00", AMSTERDAM), 60, AMSTERDAM, berlin)
    assert king == [PublicHoliday("NL", date(2026, 4, 27), "King's Day")]


@given(
    st.datetimes(min_value=datetime(2024, 1, 1), max_value=datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.integers(5, 600),
    st.sampled_from(SEATS),
    st.sampled_from(SEATS),
)
def test_what_is_said_agrees_with_the_kinds_of_the_hours(start, minutes, one, other):
    start = start.replace(second=0, microsecond=0)
    found = said(start, minutes, one, other)
    said_kinds = {caution.kind for caution in found}
    kinds = {worst(start, minutes, seat) for seat in (one, other)}
    assert ("night" in said_kinds) == (Kind.NIGHT in kinds)
    if not said_kinds & {"night", "free", "weekend", "holiday"}:
        assert kinds == {Kind.WORKING}
    dates = {zones.on_clock(start, seat.zone).date for seat in (one, other)}
    assert any(isinstance(caution, OtherDate) for caution in found) == (len(dates) == 2)
    for caution in found:
        assert str(caution) == caution.template.format(**caution.values)


def test_every_hour_of_every_year_can_be_asked_about():
    """Also before the library begins and after it ends."""
    for year in (1900, 1970, 2026, 2100, 2101, 2199):
        start = zones.instant_of(datetime.combine(date(year, 7, 1), time(10)), AMSTERDAM.zone)
        found = {caution.kind for caution in said(start, 60, AMSTERDAM)} - {"weekend", "past"}
        assert found == ({"unknown"} if year in {1900, 2101, 2199} else set())
