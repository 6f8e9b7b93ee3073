"""The vocabulary of the journal: one frozen class for each fact, and nothing else can be written.

A class `RecordOn` is the leaf type `record.on`. Its members are concealable disclosures, except
`participant` (the handle of the person it is about), which stands in the clear part of the leaf.
Type names stay visible in a redacted record, so they give nothing away. A member that may be None is
left out when it is. `by` is the handle of who did it, or `service`.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer
from pydantic_core import PydanticUndefined

from hearings.roles import Capacity, Role, Side
from hearings.sentences import say
from hearings.tree import stamp

Handle = Annotated[str, Field(pattern=r"^[a-z2-7]{8}$")]
By = Annotated[str, Field(pattern=r"^([a-z2-7]{8}|service)$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
TrackName = Annotated[str, Field(pattern=r"^[a-z2-7]{8}-[a-z]+$")]


def _whole_millis(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


Instant = Annotated[AwareDatetime, AfterValidator(_whole_millis), PlainSerializer(stamp, return_type=str)]
Named = Callable[[str], str]
"""Gives the name to print for a handle."""


class Event(BaseModel, ABC):
    """A fact of one hearing."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    type: ClassVar[str]

    def __init_subclass__(cls, **extra: Any) -> None:
        super().__init_subclass__(**extra)
        cls.type = re.sub(r"(?<=[a-z])(?=[A-Z])", ".", cls.__name__).lower()

    @abstractmethod
    def sentence(self, named: Named) -> str:
        """One line for the journal page and the record."""

    @classmethod
    def names(cls) -> frozenset[str]:
        """The disclosures that a leaf of this type must have (beside `names` itself)."""
        return frozenset(
            field.alias or name
            for name, field in cls.model_fields.items()
            if name != "participant" and field.default is PydanticUndefined
        )

    @classmethod
    def about_someone(cls) -> bool:
        """Whether the leaf carries `participant` in the clear."""
        return "participant" in cls.model_fields

    def members(self) -> dict[str, Any]:
        """The disclosures, by name."""
        return self.model_dump(mode="json", by_alias=True, exclude={"participant"}, exclude_none=True)


class Filed(BaseModel):
    """A document that came with the request, by its digest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: str
    sha256: Sha256
    size: int


class Progress(BaseModel):
    """How far an original is on disk: `n` segments, `len` bytes, and the digest of those bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    track: TrackName
    n: int
    len: int
    sha256: Sha256


# --- the request -------------------------------------------------------------------------------


class HearingOpened(Event):
    """Leaf 0: the journal begins; `logKey` is the key that signs its checkpoints."""

    log_key: str = Field(alias="logKey")

    def sentence(self, named: Named) -> str:
        return "The journal of this hearing was opened."


class RequestReceived(Event):
    """Leaf 1: the letter of request, with its documents."""

    reference: str
    instrument: str
    matter: str
    purpose: str
    requesting: str
    requested: str
    deadline: Instant | None = None
    documents: list[Filed]
    by: By

    def sentence(self, named: Named) -> str:
        return f"{self.requesting} asked {self.requested} for a hearing by video link (reference {self.reference})."


class RequestAccepted(Event):
    """The requested authority agrees to the hearing; `reference` is its own."""

    reference: str | None = None
    by: By

    def sentence(self, named: Named) -> str:
        own = f", reference {self.reference}" if self.reference else ""
        return f"{named(self.by)} accepted the request{own}."


class RequestDeclined(Event):
    reason: str
    by: By

    def sentence(self, named: Named) -> str:
        return f"{named(self.by)} declined the request: {self.reason}"


class DocumentFiled(Event):
    """A document that was added later."""

    name: str
    kind: str
    sha256: Sha256
    size: int
    by: By

    def sentence(self, named: Named) -> str:
        return f"{named(self.by)} added the {self.kind} “{self.name}”."


# --- the time ----------------------------------------------------------------------------------


class HearingScheduled(Event):
    """An instant and two clocks. `start` is the instant, `zone` the zone in which it was agreed by wall clock."""

    start: Instant
    minutes: int
    zone: str
    other: str
    by: By
    confirmed: list[By]

    def sentence(self, named: Named) -> str:
        return f"{named(self.by)} fixed the hearing for {stamp(self.start)} ({self.zone} and {self.other}), {self.minutes} minutes."


class HearingMoved(Event):
    start: Instant
    minutes: int
    zone: str
    other: str
    reason: str
    by: By
    confirmed: list[By]

    def sentence(self, named: Named) -> str:
        return f"{named(self.by)} moved the hearing to {stamp(self.start)} ({self.zone} and {self.other}): {self.reason}"


class HearingCancelled(Event):
    code: str
    reason: str
    by: By

    def sentence(self, named: Named) -> str:
        return f"{named(self.by)} cancelled the hearing ({self.code}): {self.reason}"


class HearingAdjourned(Event):
    """The sitting ends and the hearing goes on another day, on the same journal."""

    until: Instant | None = None
    zone: str | None = None
    reason: str
    by: By

    def sentence(self, named: Named) -> str:
        day = f" until {stamp(self.until)}" if self.until else " without a date"
        return f"{named(self.by)} adjourned the hearing{day}: {self.reason}"


class HearingClosed(Event):
    by: By

    def sentence(self, named: Named) -> str:
        return f"{named(self.by)} closed the file."


# --- people and their links --------------------------------------------------------------------


class ParticipantNamed(Event):
    """A person takes part: who, as what, for which side, at which place."""

    participant: Handle
    name: str
    role: Role
    function: str
    side: Side
    place: str
    language: str
    capacity: Capacity | None = None
    by: By

    def sentence(self, named: Named) -> str:
        return f"{named(self.by)} entered {self.name} ({self.function}) at the place {self.place}."


class LinkIssued(Event):
    """A personal link to a place was made; only its digest is kept, and not here."""

    place: str
    until: Instant
    by: By

    def sentence(self, named: Named) -> str:
        return f"{named(self.by)} issued a link for the place {self.place}."


class LinkRedeemed(Event):
    place: str

    def sentence(self, named: Named) -> str:
        return f"The link for the place {self.place} was opened."


class LinkRevoked(Event):
    place: str
    by: By

    def sentence(self, named: Named) -> str:
        return f"{named(self.by)} withdrew the link for the place {self.place}."


class ParticipantAdmitted(Event):
    """From the waiting room to the floor."""

    participant: Handle
    by: By

    def sentence(self, named: Named) -> str:
        return f"{named(self.by)} admitted {named(self.participant)}."


class ParticipantDismissed(Event):
    """Back to the waiting room, by decision."""

    participant: Handle
    by: By
    reason: str | None = None

    def sentence(self, named: Named) -> str:
        why = f": {self.reason}" if self.reason else "."
        return f"{named(self.by)} dismissed {named(self.participant)}{why}"


class ParticipantJoined(Event):
    """The connection of the person's place came up."""

    participant: Handle
    at: Instant

    def sentence(self, named: Named) -> str:
        return f"{named(self.participant)} was connected."


class ParticipantLost(Event):
    """Nothing has come from the person's place since `since`."""

    participant: Handle
    since: Instant

    def sentence(self, named: Named) -> str:
        return f"The connection of {named(self.participant)} was lost (nothing since {stamp(self.since)})."


class ParticipantReturned(Event):
    """The connection is back; `away` in milliseconds."""

    participant: Handle
    since: Instant
    at: Instant
    away: int

    def sentence(self, named: Named) -> str:
        return f"{named(self.participant)} was connected again after {self.away / 1000:.1f} s."


class ParticipantLeft(Event):
    participant: Handle
    at: Instant

    def sentence(self, named: Named) -> str:
        return f"{named(self.participant)} left."


# --- the sitting -------------------------------------------------------------------------------


class SittingOpened(Event):
    """The room is open, off the record; sittings of a hearing are counted from 1."""

    n: int
    by: By

    def sentence(self, named: Named) -> str:
        return f"{named(self.by)} opened the room for sitting {self.n}."


class SittingEnded(Event):
    by: By

    def sentence(self, named: Named) -> str:
        return f"{named(self.by)} ended the sitting."


class RecordOn(Event):
    """On the record from the time of this entry; `tracks` must each be accounted for until `record.off`."""

    stretch: int
    tracks: list[TrackName]
    by: By

    def sentence(self, named: Named) -> str:
        return f"{named(self.by)} went on the record (stretch {self.stretch})."


class RecordOff(Event):
    stretch: int
    reason: str
    by: By

    def sentence(self, named: Named) -> str:
        return f"Off the record: {self.reason}"


class ExaminationBegun(Event):
    by: By

    def sentence(self, named: Named) -> str:
        return f"{named(self.by)} began the examination."


class HearingSuspended(Event):
    reason: str
    by: By

    def sentence(self, named: Named) -> str:
        return f"The hearing was suspended by {named(self.by)}: {self.reason}"


class HearingResumed(Event):
    """`repeated`: what was repeated after the interruption, or that this was waived."""

    repeated: str
    by: By

    def sentence(self, named: Named) -> str:
        return f"{named(self.by)} resumed the hearing. {self.repeated}"


class OathTaken(Event):
    """An oath or affirmation in these words; or, where none was taken, the reason."""

    participant: Handle
    taken: bool
    words: str
    by: By

    def sentence(self, named: Named) -> str:
        if self.taken:
            return f"{named(self.participant)} took an oath or affirmation before {named(self.by)}: “{self.words}”"
        return f"No oath was taken from {named(self.participant)}: {self.words}"


class StatementNoted(Event):
    """A note of the clerk or the authority present."""

    text: str
    by: By

    def sentence(self, named: Named) -> str:
        return f"{named(self.by)} noted: {self.text}"


class MessageSent(Event):
    """Written to the court; or by the court to the place of the person `to`. No part of the minutes."""

    text: str
    to: Handle | None = None
    by: By

    def sentence(self, named: Named) -> str:
        if self.to is None:
            return say("{who} wrote to the court: “{text}”", who=named(self.by), text=self.text)
        return say("{who} wrote to {whom}: “{text}”", who=named(self.by), whom=named(self.to), text=self.text)


# --- safeguards --------------------------------------------------------------------------------


class RequirementConfirmed(Event):
    """A safeguard is met: its words and article, who confirmed it, by what proof. `person`: whom it is about."""

    requirement: str
    words: str
    article: str
    person: Handle | None = None
    proof: str
    by: By

    def sentence(self, named: Named) -> str:
        about = f" for {named(self.person)}" if self.person else ""
        return f"{named(self.by)} confirmed{about}: “{self.words}” ({self.article}) {self.proof}"


class RequirementOverridden(Event):
    """The hearing goes on without a safeguard, as its instrument allows; the reason is printed."""

    requirement: str
    words: str
    article: str
    person: Handle | None = None
    reason: str
    by: By

    def sentence(self, named: Named) -> str:
        return f"{named(self.by)} went on without “{self.words}” ({self.article}): {self.reason}"


class RequirementRevoked(Event):
    """A confirmation or override no longer stands."""

    requirement: str
    words: str
    person: Handle | None = None
    reason: str
    by: By

    def sentence(self, named: Named) -> str:
        return f"{named(self.by)} withdrew “{self.words}”: {self.reason}"


# --- sound and picture -------------------------------------------------------------------------


class MediaProgress(Event):
    """Every ten seconds on the record: how far each original is on disk."""

    tracks: list[Progress]

    def sentence(self, named: Named) -> str:
        return f"The recording stands at {sum(item.len for item in self.tracks)} bytes in {len(self.tracks)} tracks."


class MediaSealed(Event):
    """A file of the recording is complete; `path` is its path in the record, from `data/`."""

    path: str
    sha256: Sha256

    def sentence(self, named: Named) -> str:
        return f"Sealed {self.path.rpartition('/')[2]}."


class MediaGap(Event):
    """Nothing of the track was received or kept in this time."""

    track: TrackName
    since: Instant = Field(alias="from")
    until: Instant = Field(alias="to")
    reason: str

    def sentence(self, named: Named) -> str:
        seconds = (self.until - self.since).total_seconds()
        return f"{seconds:.1f} s without {self.track.partition('-')[2]} of {named(self.track[:8])}: {self.reason}."


class MediaFailed(Event):
    """The recorder could not go on; the hearing is suspended with this."""

    reason: str

    def sentence(self, named: Named) -> str:
        return f"The recording failed: {self.reason}"


# --- the record --------------------------------------------------------------------------------


class MinutesSealed(Event):
    """Minutes, signed and sealed; `path` is their path in the record, from `data/`."""

    path: str
    sha256: Sha256
    by: By

    def sentence(self, named: Named) -> str:
        return f"{named(self.by)} signed the minutes ({self.path.rpartition('/')[2]})."


def _all(base: type[Event]) -> list[type[Event]]:
    return [kind for direct in base.__subclasses__() for kind in (direct, *_all(direct))]


KINDS: dict[str, type[Event]] = {kind.type: kind for kind in _all(Event)}  # type: ignore[type-abstract]  # only its subclasses are listed
"""Every class above, by leaf type."""
