"""A postman who keeps what he is given, so that a test reads everybody's letters."""

from dataclasses import dataclass, field
from email.message import EmailMessage
from functools import cached_property

from icalendar import Calendar, Event

from tests.hearings.people_of_law import Courthouse


@dataclass(frozen=True)
class Received:
    """One letter, with its entry for a calendar."""

    message: EmailMessage

    @property
    def to(self) -> str:
        return str(self.message["To"])

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @cached_property
    def text(self) -> str:
        body = self.message.get_body(("plain",))
        assert body is not None
        return str(body.get_content())

    @cached_property
    def calendar(self) -> Calendar | None:
        for part in self.message.walk():
            if part.get_content_type() == "text/calendar":
                return Calendar.from_ical(part.get_payload(decode=True))
        return None

    @property
    def event(self) -> Event:
        assert self.calendar is not None
        (event,) = self.calendar.walk("VEVENT")
        return event

    @property
    def method(self) -> str | None:
        return str(self.calendar["METHOD"]) if self.calendar else None

    @property
    def address(self) -> str:
        """The token of the address at which to answer."""
        return next(line.strip() for line in self.text.splitlines() if "/reply/" in line).rpartition("/")[2]


@dataclass
class Mailbox:
    """Everybody's; `fetch` gives what has come since it was called last."""

    house: Courthouse
    came: list[EmailMessage] = field(default_factory=list)

    def deliver(self, message: EmailMessage) -> None:
        self.came.append(message)

    def part(self) -> None:
        """There is nobody to part from."""

    def fetch(self) -> list[Received]:
        self.came.clear()
        self.house.post.deliver(self.house.journal._database.transaction, self)
        return [Received(message) for message in self.came]

    def of(self, name: str) -> Received:
        """The one letter to somebody that has come since."""
        (letter,) = (one for one in self.fetch() if one.to.startswith(name))
        return letter
