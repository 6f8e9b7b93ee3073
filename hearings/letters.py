"""What a letter tells, before it is put into words: facts alone. Who writes it (`Writer`) knows the reader's language.

A letter names no other person and no matter: it goes through servers of others, and is read over shoulders.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from sqlmodel import Session

from hearings.roles import COORDINATORS
from hearings.tables import Authority, Hearing, Participant
from hearings.tree import stamp

TEST = "test-"
"""What an entry in a calendar is about, before the number of a technical test; of a sitting it is the number alone."""


class Kind(StrEnum):
    """What a letter is for."""

    LINK = "link"
    INVITED = "invited"
    MOVED = "moved"
    TURN = "turn"
    DELAYED = "delayed"
    CLOCKS = "clocks"
    CANCELLED = "cancelled"
    POSTPONED = "postponed"
    ADJOURNED = "adjourned"
    OVER = "over"
    REMINDER = "reminder"
    TEST_INVITED = "test-invited"
    TEST_MOVED = "test-moved"
    TEST_REMINDER = "test-reminder"
    TEST_CANCELLED = "test-cancelled"
    TEST_DUE = "test-due"
    PROPOSED = "proposed"
    REPLIED = "replied"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    PERIOD_NEAR = "period-near"
    PERIOD_OVER = "period-over"
    RETENTION = "retention"
    RECORD = "record"


@dataclass(frozen=True)
class Between:
    """The two authorities, as every letter about their hearing names them; zones by their names, States by two letters."""

    reference: str
    requesting: str
    requested: str
    states: tuple[str, str]
    zones: tuple[str, str]
    phone: str


@dataclass(frozen=True)
class Notice:
    """One letter to one reader, in their `language` (BCP 47) and `zone`.

    `role`: the word of the role or capacity in which they come, empty for an office; `start`: when they are to come, for so
    many `minutes`, and `before`: when they were to come until now; `place`: where they sit; `code` and `reason`: why, as a code
    and in somebody's words; `reply`, `page`, `link`: addresses, the last of which is for them alone; `day`: a deadline, by
    `article`; `who`: of whom an office is told; `what`: which of several things the letter is about.
    """

    kind: Kind
    language: str
    zone: str
    name: str
    between: Between
    role: str = ""
    start: datetime | None = None
    minutes: int = 0
    before: datetime | None = None
    place: str = ""
    code: str = ""
    reason: str = ""
    reply: str = ""
    page: str = ""
    link: str = ""
    day: date | None = None
    article: str = ""
    who: str = ""
    what: str = ""

    @property
    def office(self) -> bool:
        return not self.role


@dataclass(frozen=True)
class Told:
    """What somebody knows of an appointment; as the row keeps it."""

    start: datetime
    minutes: int
    name: str
    email: str
    language: str
    zone: str
    role: str
    place: str
    page: str

    def kept(self) -> dict[str, Any]:
        return {**self.__dict__, "start": stamp(self.start)}

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> "Told":
        return cls(**{**kept, "start": datetime.fromisoformat(kept["start"])})

    @property
    def end(self) -> datetime:
        return self.start + timedelta(minutes=self.minutes)


class Written(NamedTuple):
    """A letter in words."""

    subject: str
    text: str


class Writer(Protocol):
    """Puts a notice into words of its reader's language."""

    def letter(self, notice: Notice) -> Written: ...

    def entry(self, notice: Notice) -> tuple[str, tuple[str, ...]]:
        """For their calendar, which others read too: where it is, and lines that hold no address."""


def notice(kind: Kind, told: Told, between: Between, **more: Any) -> Notice:
    """What somebody is told of an appointment."""
    return Notice(
        kind=kind,
        language=told.language,
        zone=told.zone,
        name=told.name,
        between=between,
        role=told.role,
        start=told.start,
        minutes=told.minutes,
        place=told.place,
        page=told.page,
        **more,
    )


def between(tx: Session, hearing: Hearing) -> Between:
    one, other = (tx.get_one(Authority, side) for side in (hearing.requesting_id, hearing.requested_id))
    return Between(
        hearing.reference, one.name, other.name, (one.state, other.state), (one.zone, other.zone), one.phone
    )


def role(person: Participant) -> str:
    """The word for what somebody takes part as; none for an office's desk."""
    return "" if person.role in COORDINATORS else str(person.capacity or person.role)
