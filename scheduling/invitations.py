"""A hearing as an entry for one person's calendar: iCalendar bytes that invite, or cancel.

The rules:

- One UID for each hearing and recipient, for ever; SEQUENCE rises with every change of time, place or
  status. The newest SEQUENCE wins; without that, calendars keep both entries.
- Times are UTC with `Z`: calendars disagree about VTIMEZONE blocks, and agree about this. The times on
  the clocks of the places go into the lines of the description, each with its zone.
- Other people read calendars and search them. The title is always the same few words, in the language
  of the recipient: no name and no matter can get into it. What the caller puts into the lines must hold
  no secret either: a link that admits somebody belongs in the letter, not here.
- The mail that carries it must say the same METHOD in its content type (`mail.compose` sees to it).

Sources: RFC 5545 (iCalendar), RFC 5546 (REQUEST, CANCEL: 3.2.2, 3.2.5), RFC 6868 (names with quotes).
"""

import unicodedata
from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from icalendar import Calendar, Event, vCalAddress
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

Method = Literal["REQUEST", "CANCEL"]

TITLES = {
    "ar": "جلسة عبر الاتصال المرئي",
    "en": "Hearing by video link",
    "es": "Audiencia por videoconferencia",
    "fr": "Audience par visioconférence",
    "ru": "Слушание по видеосвязи",
    "zh": "视频听证",
}
"""By language; other languages get the English one."""


def _one_line(text: str) -> str:
    if any(unicodedata.category(char) in {"Cc", "Zl", "Zp"} for char in text):
        raise ValueError("must be one line, without control characters")
    return text


Line = Annotated[str, AfterValidator(_one_line)]
Address = Annotated[str, Field(pattern=r"^[^\s@<>\",;:\\\x00-\x1f]+@[^\s@<>\",;:\\\x00-\x1f]+$")]


class Appointment(BaseModel):
    """What the entry says. `stamp` is when it was written; `language` a tag such as "fr" or "pt-BR"."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    uid: Annotated[Line, Field(min_length=1)]
    sequence: Annotated[int, Field(ge=0)]
    start: AwareDatetime
    end: AwareDatetime
    stamp: AwareDatetime
    language: Line = "en"
    lines: tuple[Line, ...] = ()

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.end <= self.start:
            raise ValueError("a hearing must end after it starts")
        return self

    @property
    def title(self) -> str:
        return TITLES.get(self.language.split("-")[0].lower(), TITLES["en"])


class Invitation(Appointment):
    """An entry that is sent to somebody."""

    organizer_name: Line
    organizer_address: Address
    attendee_name: Line
    attendee_address: Address


def appointment(told: Appointment) -> bytes:
    """An entry to be taken along; no METHOD, since nobody is invited by it (RFC 5545 3.7.2)."""
    return _calendar(_event(told, status="CONFIRMED"))


def invitation(told: Invitation) -> bytes:
    """METHOD:REQUEST: a new entry, or, with a higher sequence, a changed one."""
    return _calendar(_sent(told, status="CONFIRMED"), method="REQUEST")


def cancellation(told: Invitation) -> bytes:
    """METHOD:CANCEL: takes the entry with this UID out; its sequence must be higher than the last one."""
    return _calendar(_sent(told, status="CANCELLED"), method="CANCEL")


def _calendar(event: Event, *, method: Method | None = None) -> bytes:
    calendar = Calendar()
    calendar.add("prodid", "-//Viva Voce//Hearings//EN")
    calendar.add("version", "2.0")
    if method is not None:
        calendar.add("method", method)
    calendar.add_component(event)
    return bytes(calendar.to_ical())


def _sent(told: Invitation, *, status: str) -> Event:
    event = _event(told, status=status)
    event.add("organizer", _person(told.organizer_name, told.organizer_address))
    event.add("attendee", _attendee(told))
    return event


def _event(told: Appointment, *, status: str) -> Event:
    event = Event()
    event.add("uid", told.uid)
    event.add("sequence", told.sequence)
    event.add("status", status)
    for name, moment in (("dtstamp", told.stamp), ("dtstart", told.start), ("dtend", told.end)):
        event.add(name, _whole_second(moment))
    event.add("summary", told.title)
    event.add("description", "\n".join(told.lines))
    event.add("class", "CONFIDENTIAL")
    return event


def _attendee(told: Invitation) -> vCalAddress:
    person = _person(told.attendee_name, told.attendee_address)
    person.params.update({"ROLE": "REQ-PARTICIPANT", "PARTSTAT": "NEEDS-ACTION", "RSVP": "TRUE"})
    return person


def _person(name: str, address: str) -> vCalAddress:
    person = vCalAddress(f"mailto:{address}")
    person.params["CN"] = name.replace("\\", "/")  # readers take a backslash for the start of an escape
    return person


def _whole_second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
