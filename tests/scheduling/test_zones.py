"""Golden clock changes of both hemispheres, and the two readings checked against a plain search."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta, timezone
from importlib import resources
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduling.zones import (
    AmbiguousTime,
    MissingTime,
    OutOfReach,
    TimeRefused,
    UnknownZone,
    beginning,
    both_clocks,
    following,
    instant_of,
    moved,
    names,
    on_clock,
    release,
)
from tests.scheduling.rules import OtherRules

AMSTERDAM = "Europe/Amsterdam"
CHANGING = [
    *(
        AMSTERDAM,
        "Europe/Lisbon",
        "Europe/Dublin",
        "America/New_York",
        "America/Santiago",
        "America/St_Johns",
    ),
    *("Australia/Sydney", "Australia/Lord_Howe", "Pacific/Auckland", "Pacific/Chatham", "Pacific/Apia"),
    *("Africa/Casablanca", "Asia/Tehran", "Africa/Cairo", "America/Sao_Paulo", "Antarctica/Troll"),
]
STEADY = ["America/Lima", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Tokyo", "Africa/Lagos", "Etc/UTC"]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("local", "zone", "instant"),
    [
        ("2026-11-23 10:26", AMSTERDAM, "2026-11-23 09:26"),
        ("2026-03-29 01:59", AMSTERDAM, "2026-03-29 00:59"),
        ("2026-03-29 03:00", AMSTERDAM, "2026-03-29 01:00"),
        ("2026-10-25 01:59", AMSTERDAM, "2026-10-24 23:59"),
        ("2026-10-25 03:00", AMSTERDAM, "2026-10-25 02:00"),
        ("2026-10-04 03:00", "Australia/Sydney", "2026-10-03 16:00"),
        ("2026-10-04 02:30", "Australia/Lord_Howe", "2026-10-03 15:30"),
        ("2011-12-29 23:59", "Pacific/Apia", "2011-12-30 09:59"),
        ("2011-12-31 00:00", "Pacific/Apia", "2011-12-30 10:00"),
        ("2026-07-01 09:00", "America/Lima", "2026-07-01 14:00"),
        ("2026-07-01 09:00", "Asia/Kathmandu", "2026-07-01 03:15"),
        ("2060-07-01 09:00", AMSTERDAM, "2060-07-01 07:00"),
        (
            "2026-07-01 09:00",
            "Europe/Dublin",
            "2026-07-01 08:00",
        ),  # summer is standard there, winter an hour less
        ("2026-12-01 09:00", "Europe/Dublin", "2026-12-01 09:00"),
        ("2026-01-15 09:00", "Africa/Casablanca", "2026-01-15 08:00"),
        ("2026-03-01 09:00", "Africa/Casablanca", "2026-03-01 09:00"),  # in Ramadan
        ("2026-01-15 09:00", "America/Santiago", "2026-01-15 12:00"),
        ("2026-07-15 09:00", "America/Santiago", "2026-07-15 13:00"),
    ],
)
def test_golden_instants(local, zone, instant):
    assert instant_of(wall(local), zone) == utc(instant)
    clock = on_clock(utc(instant), zone)
    assert datetime.combine(clock.date, clock.time) == wall(local)


@pytest.mark.parametrize(
    ("local", "zone", "before", "after"),
    [
        ("2026-03-29 02:00", AMSTERDAM, "2026-03-29 01:59", "2026-03-29 03:00"),
        ("2026-03-29 02:59:59", AMSTERDAM, "2026-03-29 01:59", "2026-03-29 03:00"),
        ("2026-03-08 02:30", "America/New_York", "2026-03-08 01:59", "2026-03-08 03:00"),
        ("2026-10-04 02:30", "Australia/Sydney", "2026-10-04 01:59", "2026-10-04 03:00"),
        ("2026-10-04 02:15", "Australia/Lord_Howe", "2026-10-04 01:59", "2026-10-04 02:30"),
        ("2026-09-27 03:00", "Pacific/Chatham", "2026-09-27 02:44", "2026-09-27 03:45"),
        ("2026-09-06 00:30", "America/Santiago", "2026-09-05 23:59", "2026-09-06 01:00"),
        ("2026-03-29 01:30", "Europe/Dublin", "2026-03-29 00:59", "2026-03-29 02:00"),
        ("2026-03-22 02:30", "Africa/Casablanca", "2026-03-22 01:59", "2026-03-22 03:00"),  # Ramadan is over
        ("2011-12-30 12:00", "Pacific/Apia", "2011-12-29 23:59", "2011-12-31 00:00"),
    ],
)
def test_a_time_that_the_clocks_skip_is_refused_even_with_a_fold(local, zone, before, after):
    for fold in (None, "earlier", "later"):
        with pytest.raises(MissingTime) as refused:
            instant_of(wall(local), zone, fold=fold)
        assert (refused.value.before, refused.value.after) == (wall(before), wall(after))


@pytest.mark.parametrize(
    ("local", "zone", "earlier", "later"),
    [
        ("2026-10-25 02:00", AMSTERDAM, "2026-10-25 00:00", "2026-10-25 01:00"),
        ("2026-11-01 01:30", "America/New_York", "2026-11-01 05:30", "2026-11-01 06:30"),
        ("2026-04-05 02:30", "Australia/Sydney", "2026-04-04 15:30", "2026-04-04 16:30"),
        ("2026-04-05 01:45", "Australia/Lord_Howe", "2026-04-04 14:45", "2026-04-04 15:15"),
        ("2026-04-04 23:30", "America/Santiago", "2026-04-05 02:30", "2026-04-05 03:30"),
        ("2026-10-25 01:30", "Europe/Dublin", "2026-10-25 00:30", "2026-10-25 01:30"),
        ("2026-02-15 02:30", "Africa/Casablanca", "2026-02-15 01:30", "2026-02-15 02:30"),  # Ramadan begins
    ],
)
def test_a_time_that_comes_twice_needs_a_word_from_the_caller(local, zone, earlier, later):
    with pytest.raises(AmbiguousTime) as refused:
        instant_of(wall(local), zone)
    assert (refused.value.earlier, refused.value.later) == (utc(earlier), utc(later))
    assert instant_of(wall(local), zone, fold="earlier") == utc(earlier)
    assert instant_of(wall(local), zone, fold="later") == utc(later)


def test_the_sentences_say_what_and_why():
    with pytest.raises(TimeRefused) as missing:
        instant_of(wall("2026-03-29 02:30"), AMSTERDAM)
    assert str(missing.value) == (
        "29 March 2026, 02:30 (Europe/Amsterdam) cannot be used: the clocks go forward that night: "
        "02:30 does not exist; 01:59 is followed by 03:00."
    )
    with pytest.raises(TimeRefused) as twice:
        instant_of(wall("2026-10-25 02:30"), AMSTERDAM)
    assert str(twice.value) == (
        "25 October 2026, 02:30 (Europe/Amsterdam) comes twice: the clocks go back that night. Say which is "
        "meant: the earlier 02:30 (UTC+02:00) or the later 02:30 (UTC+01:00)."
    )
    with pytest.raises(TimeRefused) as day:
        instant_of(wall("2011-12-30 12:00"), "Pacific/Apia")
    assert "29 December 2011, 23:59 is followed by 31 December 2011, 00:00" in str(day.value)


NO_ZONES = [
    *("", " ", "Amsterdam", "europe/amsterdam", "EUROPE/AMSTERDAM", "Europe/Amsterdam ", "Europe", "Factory"),
    *("../etc/passwd", "../../etc/passwd", "/etc/passwd", "Europe/../Europe/Amsterdam", "Europe\\Amsterdam"),
    *("UTC+1", "Europe/Amsterdam\x00", "\ud800", "zones", "__init__.py", "Z" * 10_000, "\u202eEurope/Rome"),
]


@pytest.mark.parametrize("zone", NO_ZONES, ids=lambda zone: ascii(zone[:20]))
def test_an_unknown_zone_is_refused_and_named_in_a_short_sentence(zone):
    with pytest.raises(UnknownZone, match="There is no time zone named") as refused:
        instant_of(wall("2026-11-23 10:00"), zone)
    assert len(str(refused.value)) < 250
    assert str(refused.value).isprintable()
    with pytest.raises(UnknownZone):
        on_clock(utc("2026-11-23 10:00"), zone)
    with pytest.raises(UnknownZone):
        beginning(date(2026, 11, 23), zone)


@settings(max_examples=50)
@given(st.text(max_size=80))
def test_whatever_is_typed_is_a_zone_or_refused(typed):
    try:
        assert on_clock(utc("2026-11-23 10:00"), typed).zone in names()
    except UnknownZone:
        assert typed not in names()


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12", "Etc/UTC", AMSTERDAM])
@pytest.mark.parametrize("year", [1, 206, 1899, 2200, 9999])
def test_a_year_that_is_a_slip_is_refused(zone, year):
    for first_or_last in (datetime(year, 1, 1), datetime(year, 12, 31, 23, 59, 59, 999_999)):  # noqa: DTZ001
        with pytest.raises(OutOfReach, match="four digits"):
            instant_of(first_or_last, zone)
        with pytest.raises(OutOfReach, match="four digits"):
            beginning(first_or_last.date(), zone)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12", "Etc/UTC", AMSTERDAM])
@pytest.mark.parametrize("instant", ["0001-01-01 00:00", "9999-12-31 23:59:59.999999"])
@pytest.mark.parametrize("offset", [-14, 0, 14])
def test_so_is_an_instant_at_the_ends_of_time(zone, instant, offset):
    with pytest.raises(OutOfReach):
        on_clock(wall(instant).replace(tzinfo=timezone(timedelta(hours=offset))), zone)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
def test_what_can_be_said_can_be_shown(zone):
    for edge in ("1900-01-01 00:00", "2199-12-31 23:59"):
        shown = on_clock(instant_of(wall(edge), zone), zone)
        assert datetime.combine(shown.date, shown.time) == wall(edge)


def test_the_kinds_of_time_are_not_mixed_up():
    with pytest.raises(ValueError, match="no zone of its own"):
        instant_of(utc("2026-11-23 10:00"), AMSTERDAM)
    with pytest.raises(ValueError, match="needs a zone"):
        on_clock(wall("2026-11-23 10:00"), AMSTERDAM)


def test_both_clocks_read_aloud():
    here, there = both_clocks(utc("2026-11-23 09:26:59"), AMSTERDAM, "America/Argentina/Buenos_Aires")
    assert here.sentence == "Monday 23 November 2026, 10:26 (Europe/Amsterdam, UTC+01:00)"
    assert there.sentence == "Monday 23 November 2026, 06:26 (America/Argentina/Buenos_Aires, UTC-03:00)"
    assert (here.brief, there.brief) == ("10:26 (Amsterdam)", "06:26 (Buenos Aires)")
    assert on_clock(utc("2026-01-01 00:00"), "Asia/Kathmandu").offset == "+05:45"
    assert on_clock(utc("1905-01-01 00:00"), "Asia/Kathmandu").offset == "+05:41:16"


def test_every_listed_zone_can_be_read():
    instant = utc("2026-11-23 09:26")
    assert {on_clock(instant, zone).zone for zone in names()} == names()
    assert release().startswith("20")


@pytest.mark.parametrize(
    ("day", "zone", "instant"),
    [
        ("2026-11-23", AMSTERDAM, "2026-11-22 23:00"),
        ("2026-09-06", "America/Santiago", "2026-09-06 04:00"),  # it begins at 01:00
        ("2026-11-01", "America/Havana", "2026-11-01 04:00"),  # the first of two midnights
        ("2011-12-31", "Pacific/Apia", "2011-12-30 10:00"),
    ],
)
def test_a_day_begins_when_the_clocks_first_show_it(day, zone, instant):
    begins = beginning(date.fromisoformat(day), zone)
    assert begins == utc(instant)
    assert on_clock(begins, zone).date == date.fromisoformat(day)
    assert on_clock(begins - timedelta(seconds=1), zone).date < date.fromisoformat(day)


def test_a_day_that_a_state_skipped_has_no_beginning():
    with pytest.raises(MissingTime, match="29 December 2011, 23:59 is followed by 31 December 2011, 00:00"):
        beginning(date(2011, 12, 30), "Pacific/Apia")


# --- a State changes its rules ---------------------------------------------------------------------


def test_rules_that_stand_move_nothing():
    instant = instant_of(wall("2031-06-05 14:30"), AMSTERDAM)
    for fold in (None, "earlier", "later"):
        assert moved(wall("2031-06-05 14:30"), AMSTERDAM, fold, instant) is None
    repeated = instant_of(wall("2031-10-26 02:30"), AMSTERDAM, fold="later")
    assert moved(wall("2031-10-26 02:30"), AMSTERDAM, None, repeated) is None


def test_what_was_agreed_on_the_wall_stays_on_the_wall():
    """Amsterdam gives summer time up: half past two is an hour later than everybody thought."""
    agreed = wall("2031-06-05 14:30")
    instant = instant_of(agreed, AMSTERDAM)
    with following(OtherRules({AMSTERDAM: "Etc/GMT-1"})):
        assert release() == "2099z"
        assert moved(agreed, AMSTERDAM, None, instant) == instant + timedelta(hours=1)
        assert moved(agreed, "Europe/Berlin", None, instant) is None
        assert on_clock(instant, AMSTERDAM).offset == "+01:00"
    assert moved(agreed, AMSTERDAM, None, instant) is None
    assert release() != "2099z"


def test_new_rules_hold_in_every_thread():
    with following(OtherRules({AMSTERDAM: "Asia/Tokyo"})), ThreadPoolExecutor(1) as threads:
        assert threads.submit(on_clock, utc("2026-11-23 00:00"), AMSTERDAM).result().offset == "+09:00"


def test_a_time_that_the_new_rules_skip_stays_where_it_is_and_the_reason_is_told():
    """Lima takes up the summer time of New York: the hour that was agreed is now left out."""
    agreed = wall("2031-03-09 02:30")
    instant = instant_of(agreed, "America/Lima")
    with (
        following(OtherRules({"America/Lima": "America/New_York"})),
        pytest.raises(MissingTime, match="02:30 does not exist; 01:59 is followed by 03:00"),
    ):
        moved(agreed, "America/Lima", None, instant)


def test_a_time_that_the_new_rules_repeat_is_asked_about_unless_it_is_one_of_the_two():
    agreed = wall("2031-11-02 01:30")
    instant = instant_of(agreed, "America/Lima")
    earlier, later = utc("2031-11-02 05:30"), utc("2031-11-02 06:30")
    assert instant == later
    with following(OtherRules({"America/Lima": "America/New_York"})):
        assert moved(agreed, "America/Lima", None, instant) is None
        with pytest.raises(AmbiguousTime) as refused:
            moved(agreed, "America/Lima", None, earlier - timedelta(hours=3))
        assert (refused.value.earlier, refused.value.later) == (earlier, later)
        assert moved(agreed, "America/Lima", "earlier", earlier - timedelta(hours=3)) == earlier


@given(
    st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2040, 12, 31)),  # noqa: DTZ001
    st.sampled_from(CHANGING + STEADY),
    st.sampled_from(CHANGING + STEADY),
    st.sampled_from([None, "earlier", "later"]),
)
def test_moved_agrees_with_the_new_rules_or_keeps(agreed, zone, like, fold):
    try:
        instant = instant_of(agreed, zone, fold=fold or "earlier")
    except MissingTime:
        return
    with following(OtherRules({zone: like})):
        try:
            now = moved(agreed, zone, fold, instant)
        except (MissingTime, AmbiguousTime):
            assert len(readings(agreed, like)) != 1
        else:
            assert (now or instant) in readings(agreed, like)
            assert (now is None) == (instant in readings(agreed, like))


def rules_of(zone: str) -> ZoneInfo:
    """From the package: the machine's own zone data may be of another release."""
    with resources.files("tzdata.zoneinfo").joinpath(*zone.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=zone)


def changes(zone: str) -> list[datetime]:
    """The last instants (UTC) of each day from 1970 to 2040 on which the offset changed."""
    rules, days = rules_of(zone), (utc("1970-01-01") + timedelta(days=n) for n in range(25567))
    offset = utc("1970-01-01").astimezone(rules).utcoffset()
    found = []
    for day in days:
        now = day.astimezone(rules).utcoffset()
        if now != offset:
            found.append(day)
            offset = now
    return found


CHANGES = {zone: changes(zone) for zone in CHANGING}


@st.composite
def walls_near_a_change(draw):
    zone = draw(st.sampled_from(CHANGING))
    day = draw(st.sampled_from(CHANGES[zone]))
    minutes = draw(st.integers(-3 * 24 * 60, 3 * 24 * 60))
    return (day + timedelta(minutes=minutes)).replace(tzinfo=None), zone


anywhere = st.tuples(
    st.datetimes(min_value=datetime(1900, 1, 2), max_value=datetime(2199, 12, 30)),  # noqa: DTZ001
    st.sampled_from(CHANGING + STEADY),
)


def readings(local: datetime, zone: str) -> list[datetime]:
    """Every instant at which clocks in the zone show `local`, by trying all offsets of the days around."""
    rules = rules_of(zone)
    around = [local.replace(tzinfo=UTC) + timedelta(hours=hours) for hours in range(-40, 41)]
    tried = {local.replace(tzinfo=UTC) - moment.astimezone(rules).utcoffset() for moment in around}
    return sorted(t for t in tried if t.astimezone(rules).replace(tzinfo=None, fold=0) == local)


@given(st.one_of(walls_near_a_change(), anywhere))
def test_refused_exactly_when_no_or_two_instants_show_it(drawn):
    local, zone = drawn
    match readings(local, zone):
        case []:
            with pytest.raises(MissingTime) as refused:
                instant_of(local, zone)
            assert refused.value.before < local
            assert local < refused.value.after or local.replace(second=0, microsecond=0) < refused.value.after
            assert readings(refused.value.before, zone)
            assert readings(refused.value.after, zone)
        case [only]:
            assert instant_of(local, zone) == instant_of(local, zone, fold="later") == only
        case [earlier, later]:
            with pytest.raises(AmbiguousTime):
                instant_of(local, zone)
            assert instant_of(local, zone, fold="earlier") == earlier
            assert instant_of(local, zone, fold="later") == later
        case more:
            pytest.fail(f"{local} {zone}: {more}")


@given(
    st.datetimes(min_value=datetime(1901, 1, 1), max_value=datetime(2199, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from(CHANGING + STEADY),
)
def test_to_the_clock_and_back(instant, zone):
    clock = on_clock(instant, zone)
    local = datetime.combine(clock.date, clock.time)
    assert instant in {instant_of(local, zone, fold="earlier"), instant_of(local, zone, fold="later")}
