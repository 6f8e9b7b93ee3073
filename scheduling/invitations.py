"""A hearing as an entry for one person's calendar: iCalendar bytes that invite, move, cancel, or are fetched.

The rules:

- One UID for each hearing and recipient, for ever; SEQUENCE rises with every change of time, place or
  status. The newest SEQUENCE wins; without that, calendars keep both entries.
- Times are UTC with `Z`: calendars disagree about VTIMEZONE blocks, and agree about this. The times on
  the clocks of the places go into the lines of the description, each with its zone.
- Other people read calendars and search them. The title is always the same few words, in the language
  of the recipient: no name and no matter can get into it. What the caller puts into the lines must hold
  no secret either: a link that admits somebody belongs in the letter, not here. No line may hold an
  address of the web, so that none slips in.
- Answers come through the link in the letter: RSVP=FALSE, and Outlook is told not to offer another time.
- The mail that carries it must say the same METHOD in its content type (`mail.compose` sees to it). What
  is fetched says none: METHOD:PUBLISH would want one organizer for all (RFC 5546 3.2.1).
- Names go without double quotes and backslashes: RFC 6868 has a way to write them, and Outlook does not
  know it.

Sources: RFC 5545 (iCalendar), RFC 5546 (REQUEST, CANCEL: 3.2.2, 3.2.5), RFC 7986 5 (NAME,
REFRESH-INTERVAL); of Microsoft's [MS-OXCICAL] X-MICROSOFT-CDO-BUSYSTATUS, X-MICROSOFT-DISALLOW-COUNTER and
X-PUBLISHED-TTL; X-WR-CALNAME, which every program reads.
"""

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, Self

from icalendar import Alarm, Calendar, Event, vCalAddress
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from scheduling.zones import FIRST_YEAR, LAST_YEAR

Method = Literal["REQUEST", "CANCEL"]
Status = Literal["CONFIRMED", "CANCELLED"]

LONGEST = timedelta(days=31)
CALENDAR = "Viva Voce"
REFRESH = timedelta(hours=1)

NOT_ONE_LINE = "A line of a calendar entry must be one line, without control characters."
NO_ADDRESS = "“{address}” is not a mail address that a calendar takes. Write it like name@example.org."
LINK_INSIDE = "A calendar entry must hold no address of the web: other people read calendars."
NO_TIME = "A calendar entry must end after it starts."
TOO_LONG = "A calendar entry lasts {days} days at most."
OUT_OF_REACH = "A calendar entry lies in the years {first} to {last}."
SENTENCES = (NOT_ONE_LINE, NO_ADDRESS, LINK_INSIDE, NO_TIME, TOO_LONG, OUT_OF_REACH)
"""Why there can be no such entry, in words for a clerk; what stands in braces is filled in."""


class EntryRefused(Exception):
    """There can be no such entry; `str()` says why, in one of `SENTENCES`."""

    def __init__(self, sentence: str, **values: object) -> None:
        super().__init__(sentence.format(**values))


TITLES = {
    "ar": "جلسة عبر الاتصال المرئي",
    "en": "Hearing by video link",
    "es": "Audiencia por videoconferencia",
    "fr": "Audience par visioconférence",
    "ru": "Слушание по видеосвязи",
    "zh": "视频听证",
}
"""By language; other languages get the English one."""
TITLES_OF_TESTS = {
    "ar": "اختبار الكاميرا والميكروفون",
    "en": "Test of camera and microphone",
    "es": "Prueba de cámara y micrófono",
    "fr": "Essai de la caméra et du microphone",
    "ru": "Проверка камеры и микрофона",
    "zh": "摄像头和麦克风测试",
}
"""Of a technical test; by language, as well."""


_ADDRESS = re.compile(r"[^\s@<>\",;:\\\x00-\x1f]+@[^\s@<>\",;:\\\x00-\x1f]+")
_WEB = re.compile(r"\w://|/join/|\bwww\.", re.IGNORECASE)


def _one_line(text: str) -> str:
    if any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in text):
        raise EntryRefused(NOT_ONE_LINE)
    return text


def _no_link(text: str) -> str:
    if _WEB.search(text):
        raise EntryRefused(LINK_INSIDE)
    return text


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise EntryRefused(NO_ADDRESS, address=text)
    return text


Line = Annotated[str, AfterValidator(_one_line)]
Words = Annotated[str, AfterValidator(_one_line), AfterValidator(_no_link)]
Address = Annotated[str, AfterValidator(_address)]


class Appointment(BaseModel):
    """What the entry says. `stamp`: when it was last changed, `created`: when it was made; `language`: a tag such as "fr"
    or "pt-BR"; `place`: where, in words; `remind`: minutes before it starts, 0 for not at all; `test`: it is a technical test
    and no hearing.

    Raises EntryRefused, with a sentence, if there can be no such entry.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    uid: Annotated[Line, Field(min_length=1)]
    sequence: Annotated[int, Field(ge=0)]
    start: AwareDatetime
    end: AwareDatetime
    stamp: AwareDatetime
    created: AwareDatetime | None = None
    language: Line = "en"
    lines: tuple[Words, ...] = ()
    place: Words = ""
    status: Status = "CONFIRMED"
    remind: Annotated[int, Field(ge=0, le=7 * 24 * 60)] = 0
    test: bool = False

    @model_validator(mode="after")
    def _can_stand_in_a_calendar(self) -> Self:
        moments = (self.start, self.end, self.stamp, self.created or self.stamp)
        if not all(FIRST_YEAR <= moment.year <= LAST_YEAR for moment in moments):
            raise EntryRefused(OUT_OF_REACH, first=FIRST_YEAR, last=LAST_YEAR)
        if self.end <= self.start:
            raise EntryRefused(NO_TIME)
        if self.end - self.start > LONGEST:
            raise EntryRefused(TOO_LONG, days=LONGEST.days)
        return self

    @property
    def title(self) -> str:
        titles = TITLES_OF_TESTS if self.test else TITLES
        return titles.get(self.language.split("-")[0].lower(), titles["en"])


class Invitation(Appointment):
    """An entry that is sent to somebody."""

    organizer_name: Words
    organizer_address: Address
    attendee_name: Words
    attendee_address: Address
    chair: bool = False


def invitation(told: Invitation) -> bytes:
    """METHOD:REQUEST: a new entry, or, with a higher sequence, a changed one."""
    return _calendar([_sent(told, status="CONFIRMED")], method="REQUEST")


def cancellation(told: Invitation) -> bytes:
    """METHOD:CANCEL: takes the entry with this UID out; its sequence must be higher than the last one."""
    return _calendar([_sent(told, status="CANCELLED")], method="CANCEL")


def feed(told: Iterable[Appointment], *, name: str = CALENDAR) -> bytes:
    """Every entry of somebody, those that were cancelled among them, to be fetched again and again."""
    calendar = _head(name)
    calendar.add("x-wr-calname", name)
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT1H")
    for entry in told:
        calendar.add_component(_event(entry))
    return bytes(calendar.to_ical())


class Card(BaseModel):
    """What an entry shows to a person. `start` and `end` in UTC."""

    model_config = ConfigDict(frozen=True)

    method: str
    title: str
    start: datetime
    end: datetime
    place: str
    lines: tuple[str, ...]
    cancelled: bool


def card(entry: bytes) -> Card:
    """Reads back an entry that was written here. Raises: ValueError."""
    calendar = Calendar.from_ical(entry)
    (event,) = calendar.walk("VEVENT")
    return Card(
        method=str(calendar.get("method", "")),
        title=str(event["summary"]),
        start=event.decoded("dtstart"),
        end=event.decoded("dtend"),
        place=str(event.get("location", "")),
        lines=tuple(str(event.get("description", "")).splitlines()),
        cancelled=str(event["status"]) == "CANCELLED",
    )


def _calendar(events: Iterable[Event], *, method: Method | None = None) -> bytes:
    calendar = _head()
    if method is not None:
        calendar.add("method", method)
    for event in events:
        calendar.add_component(event)
    return bytes(calendar.to_ical())


def _head(name: str = "") -> Calendar:
    calendar = Calendar()
    calendar.add("prodid", "-//Viva Voce//Hearings//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    if name:
        calendar.add("name", name)
    return calendar


def _sent(told: Invitation, *, status: Status) -> Event:
    event = _event(told.model_copy(update={"status": status}))
    event.add("organizer", _person(told.organizer_name, told.organizer_address))
    event.add("attendee", _attendee(told))
    event.add("x-microsoft-cdo-busystatus", "BUSY" if status == "CONFIRMED" else "FREE")
    event.add("x-microsoft-disallow-counter", "TRUE")
    return event


def _event(told: Appointment) -> Event:
    event = Event()
    event.add("uid", told.uid)
    event.add("sequence", told.sequence)
    event.add("status", told.status)
    event.add("transp", "OPAQUE" if told.status == "CONFIRMED" else "TRANSPARENT")
    moments = {
        "dtstamp": told.stamp,
        "created": told.created or told.stamp,
        "last-modified": told.stamp,
        "dtstart": told.start,
        "dtend": told.end,
    }
    for name, moment in moments.items():
        event.add(name, _whole_second(moment))
    event.add("summary", told.title)
    if told.place:
        event.add("location", told.place)
    event.add("description", "\n".join(told.lines))
    event.add("class", "CONFIDENTIAL")
    if told.remind and told.status == "CONFIRMED":  # none in a cancellation: RFC 5546 3.2.5
        event.add_component(_alarm(told))
    return event


def _alarm(told: Appointment) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("trigger", -timedelta(minutes=told.remind))
    alarm.add("description", told.title)
    return alarm


def _attendee(told: Invitation) -> vCalAddress:
    person = _person(told.attendee_name, told.attendee_address)
    role = "CHAIR" if told.chair else "REQ-PARTICIPANT"
    person.params.update({"CUTYPE": "INDIVIDUAL", "ROLE": role, "PARTSTAT": "NEEDS-ACTION", "RSVP": "FALSE"})
    return person


def _person(name: str, address: str) -> vCalAddress:
    person = vCalAddress(f"mailto:{address}")
    person.params["CN"] = plain_name(name)
    return person


def plain_name(name: str) -> str:
    """As every program reads it: without what would have to be escaped."""
    return name.replace("\\", "/").replace('"', "'").replace("^", "'")


def _whole_second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
