"""Sentences for people: in English here, and so made that a page can say them in another language.

`say("{place} is already in the room.", place=row.name)` is the English text, and remembers its template and
values. Whoever shows it looks the template up in a catalogue; what has values that are sentences themselves
(an office, a reason of ours) is translated inside out. Text that people typed is never translated.

The journal keeps sentences as English text. Those that the service itself writes there are listed here
(`OWN`), so that `recognised` finds template and values again.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from string import Formatter
from typing import Any, Self

from babel import Locale


class Sentence(str):
    """A text with the template and values that it was made of."""

    __slots__ = ("template", "values")
    template: str
    values: dict[str, Any]

    def __new__(cls, template: str, values: dict[str, Any] | None = None) -> Self:
        made = super().__new__(cls, template.format(**values) if values else template)
        made.template = str(template)
        made.values = values or {}
        return made


def say(template: str, **values: Any) -> Sentence:
    """Raises: KeyError if the template names a value that is not given."""
    return Sentence(template, values)


def any_of(these: Iterable[Sentence]) -> Sentence:
    """`a or b or c`; nothing if there is none."""
    first, *others = list(these) or [Sentence("")]
    for other in others:
        first = say("{one} or {other}", one=first, other=other)
    return first


def all_of(these: Iterable[Sentence]) -> Sentence:
    """`a and b and c`; nothing if there is none."""
    first, *others = list(these) or [Sentence("")]
    for other in others:
        first = say("{one} and {other}", one=first, other=other)
    return first


# --- values that a page shows in its own way -----------------------------------------------------


@dataclass(frozen=True)
class Moment:
    """An instant: in English `text`, as the record writes it; on a page the clock of `zone`, or of the page's own."""

    at: datetime
    text: str
    zone: str | None = None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Day:
    """A date; a page shows it in its own language."""

    date: date

    def __str__(self) -> str:
        return f"{self.date.day} {self.date:%B %Y}"


class Zone(str):
    """The name of a time zone; a page shows the city."""

    __slots__ = ()


@dataclass(frozen=True)
class Tongue:
    """A language by its tag (BCP 47): in English its English name; a page says it in its own language."""

    tag: str

    def __str__(self) -> str:
        return str(Locale("en").languages.get(self.tag.partition("-")[0].lower(), self.tag))


@dataclass(frozen=True)
class Country:
    """A State by its two letters (ISO 3166-1): in English its English name; a page says it in its own language."""

    code: str

    def __str__(self) -> str:
        return str(Locale("en").territories.get(self.code, self.code))


@dataclass(frozen=True)
class Code:
    """A word of the format; a page shows what it means."""

    code: str
    meaning: Sentence

    def __str__(self) -> str:
        return self.code


# --- what the service itself writes into the journal ---------------------------------------------

CONNECTION_LOST = say("The connection of {names} was lost.")
LINK_WITHDRAWN = say("The link was withdrawn.")
SERVICE_STOPPED = say("The media service stopped and is being started again.")
RECORDING_FAILED = say("The recording failed. {reason}")
PRIVATE_CONSULTATION = say("A private consultation.")
SEALED_FROM_HERE = say("What follows is sealed.")
OPEN_FROM_HERE = say("What follows is open again.")
INTERVENED = say("The authority present intervenes.")
CANNOT_GO_ON = say("The authority present says that the hearing cannot go on.")
ANSWER_TAKEN_BACK = say("The person heard took an answer back.")
BY_HAND = (
    INTERVENED,
    CANNOT_GO_ON,
    PRIVATE_CONSULTATION,
    SEALED_FROM_HERE,
    OPEN_FROM_HERE,
    ANSWER_TAKEN_BACK,
)
"""Reasons that a step gives for whoever took it."""

OWN = (
    CONNECTION_LOST,
    SERVICE_STOPPED,
    RECORDING_FAILED,
    # as the recorder tells it (`media.recorder`)
    say("The disk for the recording is full."),
    say("The folder for the recording may not be written to."),
    say("The recording could not be written to disk: {error}."),
    say("The disk is too slow for the recording."),
    say("The sound cannot be listened to: the process that decodes it does not answer."),
)
"""Reasons that nobody typed, wherever the service stands as who gave them."""

NOT_IDENTIFIED = say("It is not said how {name} was identified.")
OATH_UNTOLD = say("Nothing is said of the oath of {name}, which the request asks for.")
NOBODY_ATTENDED = say("Nobody is named who took part on the requested side.")
NO_FIGURES = say("The connections have no figures: nothing was measured.")
CONSENT_UNTOLD = say("Nothing is said of the consent of {name} to be heard by video link.")
RIGHTS_UNTOLD = say("It is not said which rights {name} was told of.")
INTERPRETER_UNTOLD = say("No interpreter is told of, for {name}.")
LAWYER_UNTOLD = say("Neither a lawyer of {name} is told of, nor that they did without one.")
CHILD_UNTOLD = say("It is not said what {name}, a child, was told, or that a lawyer took part.")
NOT_READ = say("{name} has not read this, nor had it read out.")
READ_BEFORE = say("The wording was changed after {name} had read this.")
LACKS = (
    NOT_IDENTIFIED,
    OATH_UNTOLD,
    NOBODY_ATTENDED,
    NO_FIGURES,
    CONSENT_UNTOLD,
    RIGHTS_UNTOLD,
    INTERPRETER_UNTOLD,
    LAWYER_UNTOLD,
    CHILD_UNTOLD,
    NOT_READ,
    READ_BEFORE,
)
"""What minutes may lack of what is demanded of them; where that is explained, it stands in them."""

AT_OFFICE = say("office")
DESK = say("Desk of {authority}")
PLACES = (AT_OFFICE, DESK)
"""Places that the service itself names."""


def recognised(text: str, templates: Iterable[str] = OWN) -> str:
    """The sentence that this text is, by the first of the templates that it fits; else the text as it is.

    A value may be such a sentence again.
    """
    known = tuple(templates)
    for template in known:
        found = _pattern(template).fullmatch(text)
        if found:
            values = {name: recognised(value, known) for name, value in found.groupdict().items()}
            return Sentence(template, values)
    return text


@cache
def _pattern(template: str) -> re.Pattern[str]:
    pattern, seen = "", set[str]()
    for fixed, name, _, _ in Formatter().parse(template):
        pattern += re.escape(fixed)
        if name:
            pattern += f"(?P={name})" if name in seen else f"(?P<{name}>.+)"
            seen.add(name)
    return re.compile(pattern, re.DOTALL)
