"""Entries are read back by another program than the library that wrote them, and their bytes checked for what calendars
trip over.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from scheduling import invitations
from scheduling.invitations import (
    CALENDAR,
    TITLES,
    Appointment,
    EntryRefused,
    Invitation,
    cancellation,
    card,
    feed,
    invitation,
    plain_name,
)
from tests.scheduling.ical_js import Reader

START = datetime(2026, 11, 23, 10, 0, tzinfo=timezone(timedelta(hours=1)))


@pytest.fixture(scope="module")
def other() -> Iterator[Reader]:
    with Reader() as reader:
        yield reader


def told(**changes: Any) -> Invitation:
    return Invitation(
        **{
            "uid": "7f6c-1@hearings.example",
            "sequence": 3,
            "organizer_name": 'District Court "The Hague"; section 2',
            "organizer_address": "court@example.nl",
            "attendee_name": "Ana Núñez",
            "attendee_address": "ana@example.org",
            "start": START,
            "end": START + timedelta(hours=2),
            "stamp": datetime(2026, 11, 1, 8, 0, 0, 999, tzinfo=UTC),
            "lines": (
                "10:00 (Europe/Amsterdam, UTC+01:00)",
                "04:00 (America/Lima, UTC-05:00); bring, \\ an id",
            ),
            "place": "Room 2, Court of Samplia; by video link",
            "remind": 60,
            **changes,
        }
    )


def of(told: Invitation, **changes: Any) -> Appointment:
    own = told.model_dump(include=set(Appointment.model_fields))
    return Appointment(**own | changes)


def test_an_invitation_reads_back_elsewhere(other):
    read = other.read(invitation(told()))
    assert (read["method"], read["version"], read["calscale"]) == ("REQUEST", "2.0", "GREGORIAN")
    (event,) = read["events"]
    assert (event["uid"], event["sequence"], event["status"]) == ("7f6c-1@hearings.example", 3, "CONFIRMED")
    assert (event["dtstart"], event["dtend"]) == ("2026-11-23T09:00:00.000Z", "2026-11-23T11:00:00.000Z")
    assert {event[name] for name in ("dtstamp", "created", "last-modified")} == {"2026-11-01T08:00:00.000Z"}
    assert event["description"].split("\n") == list(told().lines)
    assert event["location"] == told().place
    assert (event["summary"], event["transp"]) == ("Hearing by video link", "OPAQUE")
    assert event["organizer"]["address"] == "mailto:court@example.nl"
    assert event["organizer"]["cn"] == "District Court 'The Hague'; section 2"
    assert event["attendee"] == {
        "address": "mailto:ana@example.org",
        "cn": "Ana Núñez",
        "role": "REQ-PARTICIPANT",
        "partstat": "NEEDS-ACTION",
        "rsvp": "FALSE",
        "cutype": "INDIVIDUAL",
    }
    assert event["attendees"] == 1
    assert event["alarms"] == [
        {"action": "DISPLAY", "trigger": "-PT1H", "description": "Hearing by video link"}
    ]
    assert (event["x-microsoft-cdo-busystatus"], event["x-microsoft-disallow-counter"]) == ("BUSY", "TRUE")


def test_no_property_is_there_twice(other):
    """RFC 5545 3.6.1: each of ours at most once."""
    for entry in (invitation(told()), cancellation(told()), feed([of(told())])):
        (event,) = other.read(entry)["events"]
        assert len(set(event["properties"])) == len(event["properties"])


def test_times_are_utc_with_z_and_no_zone_block():
    entry = invitation(told())
    assert b"DTSTART:20261123T090000Z\r\n" in entry
    assert b"DTEND:20261123T110000Z\r\n" in entry
    assert b"DTSTAMP:20261101T080000Z\r\n" in entry
    assert b"VTIMEZONE" not in entry


def test_a_change_is_the_same_entry_with_a_higher_number(other):
    before = other.read(invitation(told()))["events"][0]
    moved = told(sequence=4, start=START + timedelta(days=1), end=START + timedelta(days=1, hours=2))
    after = other.read(invitation(moved))["events"][0]
    assert (after["uid"], after["sequence"]) == (before["uid"], before["sequence"] + 1)
    assert after["dtstart"] == "2026-11-24T09:00:00.000Z"


def test_a_cancellation_takes_the_same_entry_out(other):
    read = other.read(cancellation(told(sequence=4)))
    (event,) = read["events"]
    assert read["method"] == "CANCEL"
    assert (event["uid"], event["sequence"], event["status"]) == ("7f6c-1@hearings.example", 4, "CANCELLED")
    assert event["organizer"]["address"] == "mailto:court@example.nl"
    assert event["attendee"]["address"] == "mailto:ana@example.org"
    assert (event["alarms"], event["transp"]) == ([], "TRANSPARENT")


def test_who_presides_chairs(other):
    (event,) = other.read(invitation(told(chair=True, remind=0)))["events"]
    assert (event["attendee"]["role"], event["alarms"]) == ("CHAIR", [])


@pytest.mark.parametrize(
    ("language", "title"), [("fr", TITLES["fr"]), ("zh-Hans", TITLES["zh"]), ("nl", TITLES["en"])]
)
def test_the_title_is_fixed_for_each_language(other, language, title):
    (event,) = other.read(invitation(told(language=language)))["events"]
    assert event["summary"] == title


def test_the_caller_cannot_set_a_title():
    with pytest.raises(ValidationError):
        told(summary="State v. Doe")


def test_a_feed_holds_all_of_them_and_says_what_was_cancelled(other):
    entries = [of(told(), uid=f"{n}@hearings.example", language=tag) for n, tag in enumerate(TITLES)]
    entries.append(of(told(), uid="gone@hearings.example", status="CANCELLED", sequence=9))
    read = other.read(feed(entries))
    assert (read["method"], read["others"]) == (None, [])
    assert (read["name"], read["x-wr-calname"], read["refresh"]) == (CALENDAR, CALENDAR, "PT1H")
    assert [event["summary"] for event in read["events"][:-1]] == list(TITLES.values())
    assert [event["status"] for event in read["events"]] == ["CONFIRMED"] * len(TITLES) + ["CANCELLED"]
    assert all(event["organizer"] is event["attendee"] is None for event in read["events"])
    assert other.read(feed([]))["events"] == []


def test_the_card_shows_what_the_entry_says():
    shown = card(cancellation(told(language="ar")))
    assert (shown.title, shown.method, shown.cancelled) == (TITLES["ar"], "CANCEL", True)
    assert (shown.start, shown.end) == (START, START + timedelta(hours=2))
    assert (shown.place, shown.lines) == (told().place, told().lines)


YEAR_1 = datetime(1, 1, 1, tzinfo=UTC)
YEAR_9999 = datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-12)))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"lines": ("x\r\nATTENDEE:mailto:eve@example.org",)}, "one line"),
        ({"place": "Room\u20282"}, "one line"),
        ({"attendee_name": "Ana\nDESCRIPTION:x"}, "one line"),
        ({"uid": "a\nb"}, "one line"),
        ({"attendee_address": "ana@example.org\nX-A:b"}, "not a mail address"),
        ({"attendee_address": "ana"}, "not a mail address"),
        ({"organizer_address": "a@b, c@d"}, "not a mail address"),
        ({"lines": ("Open https://court.example/join/x",)}, "no address of the web"),
        ({"place": "www.court.example"}, "no address of the web"),
        ({"attendee_name": "http://court.example"}, "no address of the web"),
        ({"end": START}, "end after it starts"),
        ({"end": START - timedelta(minutes=1)}, "end after it starts"),
        ({"end": START + timedelta(days=365)}, "31 days at most"),
        ({"start": YEAR_1, "end": YEAR_1 + timedelta(hours=1)}, "years 1900 to 2199"),
        ({"start": YEAR_9999 - timedelta(hours=1), "end": YEAR_9999}, "years 1900 to 2199"),
        ({"stamp": YEAR_1}, "years 1900 to 2199"),
    ],
)
def test_what_cannot_stand_in_an_entry_is_refused_with_a_sentence(changes, why):
    with pytest.raises(EntryRefused, match=why) as refused:
        told(**changes)
    assert re.fullmatch(r"(?s)(A|“).*\.", str(refused.value))


@pytest.mark.parametrize(
    "changes",
    [{"uid": ""}, {"sequence": -1}, {"remind": -5}, {"start": datetime(2026, 11, 23, 10)}],  # noqa: DTZ001
)
def test_what_only_we_could_get_wrong_is_an_error(changes):
    with pytest.raises(ValidationError):
        told(**changes)


def test_every_refusal_is_one_of_the_sentences_that_are_translated():
    assert len(invitations.SENTENCES) == len(set(invitations.SENTENCES)) == 6


texts = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=90).filter(
    lambda text: not re.search(r"\w://|/join/|\bwww\.", text, re.IGNORECASE)
)
scripts = st.text("جلسة视频听证éß 🙂,;:\\\"'", min_size=1, max_size=200)
instants = st.datetimes(datetime(1970, 1, 2), datetime(2198, 12, 1), timezones=st.just(UTC))  # noqa: DTZ001


@settings(max_examples=150)
@given(
    lines=st.lists(texts | scripts, min_size=1, max_size=4),
    name=texts | scripts,
    place=scripts,
    start=instants,
)
def test_any_words_and_times_come_back_as_they_were(other, lines, name, place, start):
    entry = told(
        lines=tuple(lines), attendee_name=name, place=place, start=start, end=start + timedelta(minutes=90)
    )
    (event,) = other.read(invitation(entry))["events"]
    assert event["description"] == "\n".join(lines)
    assert event["location"] == place
    assert (event["attendee"]["cn"] or "") == plain_name(name)
    assert event["attendee"]["address"] == "mailto:ana@example.org"
    assert event["dtstart"] == start.replace(microsecond=0).isoformat(timespec="milliseconds").replace(
        "+00:00", "Z"
    )


TOKEN = "kD3vQ0nJ8tYxW5rB1zLm7sHc2fGp9aUe4iOoXyZ6wTA"
secrets = st.sampled_from(
    [f"https://court.example/join/{TOKEN}", f"HTTP://court.example:8443/join/{TOKEN}#x", f"/join/{TOKEN}"]
)


@settings(max_examples=60)
@given(
    before=scripts, after=scripts, secret=secrets, where=st.sampled_from(["lines", "place", "attendee_name"])
)
def test_no_link_that_admits_somebody_gets_into_an_entry(before, after, secret, where):
    words = f"{before}{secret}{after}"
    with pytest.raises(EntryRefused, match="no address of the web"):
        told(**{where: (words,) if where == "lines" else words})
