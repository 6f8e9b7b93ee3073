"""Entries are read back by the library, and their bytes checked for what calendars trip over."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar
from pydantic import ValidationError

from scheduling.invitations import TITLES, Invitation, cancellation, invitation

START = datetime(2026, 11, 23, 10, 0, tzinfo=timezone(timedelta(hours=1)))


def told(**changes) -> Invitation:
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
            **changes,
        }
    )


def read(entry: bytes):
    calendar = Calendar.from_ical(entry)
    (event,) = calendar.walk("VEVENT")
    return calendar, event


def test_an_invitation_reads_back():
    calendar, event = read(invitation(told()))
    assert (calendar["METHOD"], calendar["VERSION"]) == ("REQUEST", "2.0")
    assert (event["UID"], event["SEQUENCE"], event["STATUS"]) == ("7f6c-1@hearings.example", 3, "CONFIRMED")
    assert (event.start, event.end) == (START, START + timedelta(hours=2))
    assert str(event["DESCRIPTION"]).split("\n") == list(told().lines)
    assert event["ORGANIZER"] == "mailto:court@example.nl"
    assert event["ORGANIZER"].params["CN"] == told().organizer_name
    assert event["ATTENDEE"] == "mailto:ana@example.org"
    assert event["ATTENDEE"].params["CN"] == "Ana Núñez"
    assert event["ATTENDEE"].params["RSVP"] == "TRUE"


def test_times_are_utc_with_z_and_no_zone_block():
    entry = invitation(told())
    assert b"DTSTART:20261123T090000Z\r\n" in entry
    assert b"DTEND:20261123T110000Z\r\n" in entry
    assert b"DTSTAMP:20261101T080000Z\r\n" in entry
    assert b"VTIMEZONE" not in entry
    assert all(len(line) <= 75 for line in entry.split(b"\r\n"))


def test_a_cancellation_takes_the_same_entry_out():
    calendar, event = read(cancellation(told(sequence=4)))
    assert calendar["METHOD"] == "CANCEL"
    assert (event["UID"], event["SEQUENCE"], event["STATUS"]) == ("7f6c-1@hearings.example", 4, "CANCELLED")
    assert event["ORGANIZER"] == "mailto:court@example.nl"


@pytest.mark.parametrize(
    ("language", "title"), [("fr", TITLES["fr"]), ("zh-Hans", TITLES["zh"]), ("nl", TITLES["en"])]
)
def test_the_title_is_fixed_for_each_language(language, title):
    _, event = read(invitation(told(language=language)))
    assert event["SUMMARY"] == title


def test_the_caller_cannot_set_a_title():
    with pytest.raises(ValidationError):
        told(summary="State v. Doe")


@pytest.mark.parametrize(
    "changes",
    [
        {"lines": ("x\r\nATTENDEE:mailto:eve@example.org",)},
        {"attendee_name": "Ana\nDESCRIPTION:x"},
        {"attendee_address": "ana@example.org\nX-A:b"},
        {"attendee_address": "ana"},
        {"uid": ""},
        {"uid": "a\nb"},
        {"sequence": -1},
        {"end": START},
        {"start": datetime(2026, 11, 23, 10)},  # noqa: DTZ001
    ],
)
def test_what_cannot_stand_in_an_entry_is_refused(changes):
    with pytest.raises(ValidationError):
        told(**changes)


texts = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=90)


@given(lines=st.lists(texts, min_size=1, max_size=4), name=texts)
def test_any_words_come_back_as_they_were(lines, name):
    _, event = read(invitation(told(lines=tuple(lines), attendee_name=name)))
    assert str(event["DESCRIPTION"]) == "\n".join(lines)
    assert event["ATTENDEE"].params["CN"] == name.replace("\\", "/")
    assert event["ATTENDEE"] == "mailto:ana@example.org"
