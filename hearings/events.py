"""The vocabulary of the journal: one frozen class for each fact, and nothing else can be written.

A class `RecordOn` is the leaf type `record.on`. Its members are concealable disclosures, except
`participant` (the handle of the person it is about), which stands in the clear part of the leaf.
Type names stay visible in a redacted record, so they give nothing away. A member that may be None is
left out when it is. `by` is the handle of who did it, or `service`.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer
from pydantic_core import PydanticUndefined

from hearings.roles import CIRCUMSTANCE, OFFICE, Capacity, Circumstance, Role, Side
from hearings.sentences import (
    BY_HAND,
    LACKS,
    LINK_WITHDRAWN,
    OWN,
    PLACES,
    Code,
    Country,
    Day,
    Moment,
    Sentence,
    Tongue,
    Zone,
    all_of,
    recognised,
    say,
)
from hearings.tree import stamp

Handle = Annotated[str, Field(pattern=r"^[a-z2-7]{8}$")]
By = Annotated[str, Field(pattern=r"^([a-z2-7]{8}|service)$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
TrackName = Annotated[str, Field(pattern=r"^[a-z2-7]{8}-[a-z]+$")]
Test = Annotated[str, Field(pattern=r"^[0-9a-f-]{36}$")]
"""The number of a technical test."""
Number = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
"""Of a sending."""


def _whole_millis(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


Instant = Annotated[AwareDatetime, AfterValidator(_whole_millis), PlainSerializer(stamp, return_type=str)]
Named = Callable[[str], str]
"""Gives the name to print for a handle."""

# What the codes of the journal mean.
CANCELLED_BECAUSE: dict[str, Sentence] = {
    "withdrawn": say("the request was withdrawn"),
    "settled": say("the matter was settled or the person was heard otherwise"),
    "refused": say("the person does not agree to be heard by video link"),
    "unavailable": say("a person who is needed cannot be there"),
    "technical": say("no sufficient connection"),
    "other": say("another reason"),
}
POSTPONED_BECAUSE: dict[str, Sentence] = {
    "unavailable": say("a person who is needed cannot be there"),
    "technical": say("no sufficient connection"),
    "interpreter": say("no interpreter can be had"),
    "documents": say("papers are missing"),
    "court": say("the court cannot sit at that time"),
    "other": say("another reason"),
}
REPLY: dict[str, Sentence] = {
    "accepted": say("will come"),
    "tentative": say("may come"),
    "declined": say("cannot come"),
}
DIGITS = 12
"""Of a digest, as many as are printed in a sentence."""
LOST = "lost"
GAP: dict[str, Sentence] = {
    "not-joined": say("not yet connected"),
    "left": say("no longer in the room"),
    "connection-lost": say("connection lost"),
    "not-sent": say("nothing was sent"),
    "recorder-restarted": say("the recorder was restarted"),
    "recorder-failed": say("the recorder failed"),
    LOST: say("it had been recorded, and was lost from disk"),
}
DOCUMENT: dict[str, Sentence] = {
    "letter": say("letter"),
    "annex": say("annex"),
    "translation": say("translation"),
    "declaration": say("declaration"),
}
DECLARED: dict[str, Sentence] = {
    "rights": say("the notice of rights"),
    "video": say("being heard by video link"),
    "recording": say("being recorded"),
    "voluntary": say("coming of their own free will"),
    "telephone": say("being heard by telephone"),
    "waiver-counsel": say("doing without a lawyer"),
}
"""What is told or asked, by the codes of `consent.notices`."""
VERSION: dict[str, Sentence] = {
    "full": say("the full record"),
    "parties": say("the version for the parties"),
    "public": say("the public version"),
    "annex": say("the sealed annex"),
}
"""What of the record a package holds."""
ANSWER: dict[str, Sentence] = {"yes": say("yes"), "no": say("no")}
TRACK: dict[str, Sentence] = {
    "audio": say("audio"),
    "camera": say("camera"),
    "interpretation": say("interpretation"),
}
LAW: dict[str, Sentence] = {
    "requesting": say("the law of the requesting State"),
    "requested": say("the law of the requested State"),
    "both": say("the law of either State"),
}
CONDUCT: dict[str, Sentence] = {
    "refusal": say("a refusal to testify"),
    "untruth": say("a statement that may be untrue"),
}
REMEDY: dict[str, Sentence] = {
    "repeated": say("it is said again"),
    "replaced": say("another person interprets"),
    "none": say("nothing is changed"),
}
MINUTES: dict[Side, Sentence] = {
    Side.REQUESTED: say("the minutes"),
    Side.REQUESTING: say("the record of the requesting court"),
}
"""The two documents, by the side that answers for them."""
GRADE: dict[str, Sentence] = {"good": say("good"), "weak": say("weak"), "bad": say("bad")}


def _moment(at: datetime, zone: str | None = None) -> Moment:
    return Moment(at, stamp(at), zone)


def _code(code: str, meanings: dict[str, Sentence]) -> Code:
    return Code(code, meanings.get(code, say(code)))


def _place(name: str) -> str:
    return recognised(name, PLACES)


def _reason(reason: str, by: str) -> str:
    """A reason of the service is a sentence of ours; what somebody typed is not."""
    return recognised(reason, OWN if by == Role.SERVICE else BY_HAND)


def _names(handles: Sequence[str], named: Named) -> str:
    return ", ".join(named(handle) for handle in handles)


def _article(cited: str) -> Sentence:
    """An article as `checklist.cited` gave it."""
    instrument, _, article = cited.partition(", ")
    if not article:
        return say(cited)
    return say("{instrument}, {article}", instrument=say(instrument), article=say(article))


def _coming(track: str, named: Named) -> Sentence:
    whom, kind = named(track[:8]), track[9:]
    match kind:
        case "audio":
            return say("the sound of {whom}", whom=whom)
        case "camera":
            return say("the picture of {whom}", whom=whom)
        case "document":
            return say("the document of {whom}", whom=whom)
        case "interpretation":
            return say("the interpretation by {whom}", whom=whom)
        case "heard":
            return say("what {whom} heard of the others", whom=whom)
    return say("{kind} of {whom}", kind=kind, whom=whom)


class Event(BaseModel, ABC):
    """A fact of one hearing. A `quiet` one wakes no page: nobody is shown it as it happens."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    type: ClassVar[str]
    quiet: ClassVar[bool] = False

    def __init_subclass__(cls, **extra: Any) -> None:
        super().__init_subclass__(**extra)
        cls.type = re.sub(r"(?<=[a-z])(?=[A-Z])", ".", cls.__name__).lower()

    @abstractmethod
    def sentence(self, named: Named) -> Sentence:
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


class Keeps(BaseModel):
    """The rule of one authority, applied to the day on which the file was closed there: for how many months it keeps
    recordings, `until` which day that is, and, where it says so, after how many they must be `gone`, by `latest`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    authority: str
    state: str
    months: int
    until: date
    gone: int | None = None
    latest: date | None = None
    source: str


@dataclass(frozen=True, slots=True)
class Came:
    """How one track came, or (`<handle>-heard`) how the sound of the others reached this person.

    `loss`: packets that never came, in tenths of a per cent; `jitter`, `trip` (there and back): ms; `rate`: kbit/s;
    `frames`: pictures a second; `stops`, `stopped`: standstills of a picture or interruptions of a sound, and ms of
    them; `score`, `grade`: R of the E-model (ITU-T G.107), 0 to 93, and the word for it. A long hearing has many
    thousands of these in memory, so they have slots.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    track: TrackName
    loss: int
    jitter: int
    rate: int
    stops: int
    stopped: int
    score: int
    grade: Literal["good", "weak", "bad"]
    trip: int | None = None
    frames: int | None = None

    @property
    def rank(self) -> tuple[int, int]:
        """The lower, the worse: by the word first, which lasts, then by the score."""
        return -list(GRADE).index(self.grade), self.score


# --- the request -------------------------------------------------------------------------------


class HearingOpened(Event):
    """Leaf 0: the journal begins; `logKey` is the key that signs its checkpoints."""

    log_key: str = Field(alias="logKey")

    def sentence(self, named: Named) -> Sentence:
        return say("The journal of this hearing was opened.")


class RequestReceived(Event):
    """Leaf 1: the letter of request, with its documents. `oath`: the formula of an oath or affirmation that it asks for
    expressly, and the side that administers it.
    """

    reference: str
    instrument: str
    matter: str
    purpose: str
    requesting: str
    requested: str
    deadline: Instant | None = None
    documents: list[Filed]
    oath: str | None = None
    oath_by: Side | None = Field(default=None, alias="oathBy")
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{requesting} asked {requested} for a hearing by video link (reference {reference}).",
            requesting=self.requesting,
            requested=self.requested,
            reference=self.reference,
        )


class RequestAcknowledged(Event):
    """The requested authority confirms that the request arrived (Directive 2014/41/EU, Article 16(1), Annex B)."""

    by: By

    def sentence(self, named: Named) -> Sentence:
        return say("{who} acknowledged the receipt of the request.", who=named(self.by))


class RequestAccepted(Event):
    """The requested authority agrees to the hearing; `reference` is its own."""

    reference: str | None = None
    by: By

    def sentence(self, named: Named) -> Sentence:
        if not self.reference:
            return say("{who} accepted the request.", who=named(self.by))
        return say(
            "{who} accepted the request, reference {reference}.", who=named(self.by), reference=self.reference
        )


class RequestDeclined(Event):
    reason: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say("{who} declined the request: {reason}", who=named(self.by), reason=self.reason)


class Ground(BaseModel):
    """One step of what the rule answered. `words` has places for `values`: States by their codes, days as ISO dates.
    `declared`: the State whose declaration it is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    words: str
    values: dict[str, str]
    article: str
    mark: str
    declared: str | None = None

    def sentence(self) -> Sentence:
        return say(self.words, **{name: _of_the_rule(name, value) for name, value in self.values.items()})

    def cited(self) -> Sentence:
        return _article(self.article)


def _of_the_rule(name: str, value: str) -> object:
    if name in {"state", "requesting", "requested"}:
        return Country(value)
    return Day(date.fromisoformat(value)) if name in {"since", "on", "read"} else value


class InstrumentChosen(Event):
    """Under which instrument the hearing is held. `finding`, `found`, `reasons`, `alternatives`: what the rule answered for
    these States, this `aim` and `capacity`, on the day of the request; `reason`: why somebody chose as they did.
    """

    instrument: str
    title: str
    aim: str
    capacity: Capacity | None = None
    finding: str
    found: str | None = None
    reasons: list[Ground]
    alternatives: list[str]
    reason: str | None = None
    by: By

    def sentence(self, named: Named) -> Sentence:
        told = {"who": named(self.by), "title": say(self.title)}
        if not self.reason:
            return say("{who} chose the instrument of this hearing: {title}.", **told)
        return say(
            "{who} chose the instrument of this hearing: {title}. {reason}", **told, reason=self.reason
        )


class DocumentFiled(Event):
    """A document that was added later."""

    name: str
    kind: str
    sha256: Sha256
    size: int
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{who} added the {kind} “{name}”.",
            who=named(self.by),
            kind=_code(self.kind, DOCUMENT),
            name=self.name,
        )


# --- the time ----------------------------------------------------------------------------------


class HearingScheduled(Event):
    """An instant and two clocks. `start` is the instant, `zone` the zone in which it was agreed by wall clock."""

    start: Instant
    minutes: int
    zone: str
    other: str
    by: By
    confirmed: list[By]

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{who} fixed the hearing for {start} ({zone} and {other}), {minutes} minutes.",
            who=named(self.by),
            start=_moment(self.start, self.zone),
            zone=Zone(self.zone),
            other=Zone(self.other),
            minutes=self.minutes,
        )


class HearingMoved(Event):
    """`sitting`: which one, where it is not the next."""

    start: Instant
    minutes: int
    zone: str
    other: str
    reason: str
    sitting: int | None = None
    by: By
    confirmed: list[By]

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{who} moved the hearing to {start} ({zone} and {other}): {reason}",
            who=named(self.by),
            start=_moment(self.start, self.zone),
            zone=Zone(self.zone),
            other=Zone(self.other),
            reason=self.reason,
        )


class HearingRezoned(Event):
    """The rules of a zone changed since the time was agreed: the clock on the wall stands, the instant moved from
    `was`. `release`: that of the zone data.
    """

    sitting: int
    start: Instant
    was: Instant
    zone: str
    release: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say(
            "The clocks of {zone} were changed by law. The hearing stays at the time on the clock there: {start}.",
            zone=Zone(self.zone),
            start=_moment(self.start, self.zone),
        )


class HearingPostponed(Event):
    """The time that was agreed no longer holds, and there is no other yet."""

    code: str
    reason: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{who} postponed the hearing ({code}): {reason}",
            who=named(self.by),
            code=_code(self.code, POSTPONED_BECAUSE),
            reason=self.reason,
        )


class HearingSplit(Event):
    """These people are heard in a further sitting, the `sitting`th; whoever else was to come keeps their time."""

    sitting: int
    people: list[Handle]
    start: Instant
    minutes: int
    zone: str
    other: str
    reason: str
    by: By
    confirmed: list[By]

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{who} split the hearing: {people} will be heard on {start} ({zone} and {other}), {minutes} minutes: {reason}",
            who=named(self.by),
            people=_names(self.people, named),
            start=_moment(self.start, self.zone),
            zone=Zone(self.zone),
            other=Zone(self.other),
            minutes=self.minutes,
            reason=self.reason,
        )


class TurnSet(Event):
    """When within a sitting this person comes, for so many minutes."""

    participant: Handle
    sitting: int
    start: Instant
    minutes: int
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{who} set the time of {whom}: {start}, {minutes} minutes.",
            who=named(self.by),
            whom=named(self.participant),
            start=_moment(self.start),
            minutes=self.minutes,
        )


class HearingDelayed(Event):
    """The sitting runs late: `whom` comes so many `minutes` later than planned (without it: everybody), and whoever
    follows as much later as that makes necessary.
    """

    sitting: int
    minutes: int
    whom: Handle | None = None
    reason: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        told = {"who": named(self.by), "minutes": self.minutes, "reason": self.reason}
        if self.whom is None:
            return say("{who} noted that the hearing runs {minutes} minutes late: {reason}", **told)
        whom = named(self.whom)
        return say(
            "{who} noted that {whom} comes {minutes} minutes later than planned: {reason}", whom=whom, **told
        )


class ChangeConfirmed(Event):
    """The other side knows of a change that took effect at once: of entry `change`."""

    change: int
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{who} confirmed the change that entry {change} tells of.", who=named(self.by), change=self.change
        )


class InvitationAnswered(Event):
    """Somebody who was invited says whether they will come, for the time that stood then."""

    participant: Handle
    about: Literal["hearing", "test"]
    reply: Literal["accepted", "tentative", "declined"]
    start: Instant
    words: str | None = None

    def sentence(self, named: Named) -> Sentence:
        told = {"whom": named(self.participant), "start": _moment(self.start), "answer": REPLY[self.reply]}
        if not self.words:
            return say("{whom} answered for {start}: {answer}.", **told)
        return say("{whom} answered for {start}: {answer}. {words}", **told, words=self.words)


class HearingCancelled(Event):
    code: str
    reason: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{who} cancelled the hearing ({code}): {reason}",
            who=named(self.by),
            code=_code(self.code, CANCELLED_BECAUSE),
            reason=self.reason,
        )


class HearingAdjourned(Event):
    """The sitting ends and the hearing goes on another day, on the same journal."""

    until: Instant | None = None
    zone: str | None = None
    reason: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        if self.until is None:
            return say(
                "{who} adjourned the hearing without a date: {reason}", who=named(self.by), reason=self.reason
            )
        return say(
            "{who} adjourned the hearing until {until}: {reason}",
            who=named(self.by),
            until=_moment(self.until, self.zone),
            reason=self.reason,
        )


class HearingClosed(Event):
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say("{who} closed the file.", who=named(self.by))


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
    circumstances: list[Circumstance] | None = None
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{who} entered {name} ({function}) at the place {place}.",
            who=named(self.by),
            name=self.name,
            function=recognised(self.function, OFFICE.values()),
            place=_place(self.place),
        )


class ParticipantDescribed(Event):
    """What is so of a person heard; whatever was said of it before no longer counts."""

    participant: Handle
    circumstances: list[Circumstance]
    by: By

    def sentence(self, named: Named) -> Sentence:
        told = {"who": named(self.by), "whom": named(self.participant)}
        if not self.circumstances:
            return say("{who} noted that nothing particular is to be minded for {whom}.", **told)
        what = all_of(CIRCUMSTANCE[one] for one in self.circumstances)
        return say("{who} noted of {whom}: {what}.", **told, what=what)


class LinkIssued(Event):
    """A personal link to a place was made; only its digest is kept, and not here."""

    place: str
    until: Instant
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say("{who} issued a link for the place {place}.", who=named(self.by), place=_place(self.place))


class LinkRedeemed(Event):
    place: str

    def sentence(self, named: Named) -> Sentence:
        return say("The link for the place {place} was opened.", place=_place(self.place))


class LinkRevoked(Event):
    place: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{who} withdrew the link for the place {place}.", who=named(self.by), place=_place(self.place)
        )


class TestArranged(Event):
    """A technical test of a place before the hearing. Nothing of it is recorded. `test`: its number in the service."""

    test: Test
    place: str
    start: Instant
    minutes: int
    zone: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{who} arranged a technical test of the place {place} for {start}.",
            who=named(self.by),
            place=_place(self.place),
            start=_moment(self.start, self.zone),
        )


class TestMoved(Event):
    test: Test
    place: str
    start: Instant
    minutes: int
    zone: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{who} moved the technical test of the place {place} to {start}.",
            who=named(self.by),
            place=_place(self.place),
            start=_moment(self.start, self.zone),
        )


class TestCancelled(Event):
    test: Test
    place: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{who} cancelled the technical test of the place {place}.",
            who=named(self.by),
            place=_place(self.place),
        )


class TestHeld(Event):
    """What a technical test showed: good, or to be repeated, in figures and in words.

    `width`, `height`: of the picture that came, missing if none did; `heard`: speech came; `seconds`: for how long
    sound or picture came; `trip` (there and back): ms; `loss`: of the sound, in tenths of a per cent; `way`: straight,
    or by a relay that the network needed.
    """

    test: Test
    place: str
    good: bool
    words: str | None = None
    width: int | None = None
    height: int | None = None
    heard: bool
    seconds: int
    trip: int | None = None
    loss: int | None = None
    grade: Literal["good", "weak", "bad"] | None = None
    way: Literal["straight", "relayed"] | None = None
    by: By

    def sentence(self, named: Named) -> Sentence:
        told = {"who": named(self.by), "place": _place(self.place), "seen": self.seen()}
        if self.good:
            found = say("{who} found the technical test of the place {place} good: {seen}.", **told)
        else:
            found = say(
                "{who} found that the technical test of the place {place} is to be repeated: {seen}.", **told
            )
        return say("{found} {words}", found=found, words=self.words) if self.words else found

    def seen(self) -> Sentence:
        """Picture, sound and connection, as they came."""
        picture = (
            say("picture {width} × {height}", width=self.width, height=self.height)
            if self.width
            else say("no picture")
        )
        sound = say("speech heard") if self.heard else say("no speech heard")
        return all_of([picture, sound, self._connection()])

    def _connection(self) -> Sentence:
        if self.grade is None:
            return say("no connection")
        told = {
            "grade": _code(self.grade, GRADE),
            "seconds": self.seconds,
            "lost": f"{(self.loss or 0) / 10:.1f} %",
            "trip": "–" if self.trip is None else self.trip,
        }
        if self.way == "relayed":
            return say(
                "connection by a relay {grade} for {seconds} s, {lost} lost, {trip} ms there and back", **told
            )
        return say("connection {grade} for {seconds} s, {lost} lost, {trip} ms there and back", **told)


class ParticipantAdmitted(Event):
    """From the waiting room to the floor."""

    participant: Handle
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say("{who} admitted {whom}.", who=named(self.by), whom=named(self.participant))


class ParticipantDismissed(Event):
    """Back to the waiting room, by decision."""

    participant: Handle
    by: By
    reason: str | None = None

    def sentence(self, named: Named) -> Sentence:
        who, whom = named(self.by), named(self.participant)
        if not self.reason:
            return say("{who} dismissed {whom}.", who=who, whom=whom)
        reason = recognised(self.reason, (LINK_WITHDRAWN,))
        return say("{who} dismissed {whom}: {reason}", who=who, whom=whom, reason=reason)


class ParticipantJoined(Event):
    """The connection of the person's place came up."""

    participant: Handle
    at: Instant

    def sentence(self, named: Named) -> Sentence:
        return say("{who} was connected.", who=named(self.participant))


class ParticipantLost(Event):
    """Nothing has come from the person's place since `since`."""

    participant: Handle
    since: Instant

    def sentence(self, named: Named) -> Sentence:
        return say(
            "The connection of {who} was lost (nothing since {since}).",
            who=named(self.participant),
            since=_moment(self.since),
        )


class ParticipantReturned(Event):
    """The connection is back; `away` in milliseconds."""

    participant: Handle
    since: Instant
    at: Instant
    away: int

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{who} was connected again after {seconds} s.",
            who=named(self.participant),
            seconds=f"{self.away / 1000:.1f}",
        )


class ParticipantLeft(Event):
    participant: Handle
    at: Instant

    def sentence(self, named: Named) -> Sentence:
        return say("{who} left.", who=named(self.participant))


class ParticipantSilent(Event):
    """The microphone of the person's place is open, and nothing but digital silence has come since `since`."""

    participant: Handle
    since: Instant

    def sentence(self, named: Named) -> Sentence:
        return say(
            "No sound at all comes from the microphone of {who} (none since {since}).",
            who=named(self.participant),
            since=_moment(self.since),
        )


class ParticipantAudible(Event):
    """Sound comes again from the microphone of the person's place; `silent` in milliseconds."""

    participant: Handle
    silent: int

    def sentence(self, named: Named) -> Sentence:
        return say(
            "Sound comes from the microphone of {who} again, after {seconds} s.",
            who=named(self.participant),
            seconds=f"{self.silent / 1000:.0f}",
        )


# --- the sitting -------------------------------------------------------------------------------


class SittingOpened(Event):
    """The room is open, off the record; sittings of a hearing are counted from 1."""

    n: int
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say("{who} opened the room for sitting {n}.", who=named(self.by), n=self.n)


class SittingEnded(Event):
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say("{who} ended the sitting.", who=named(self.by))


class RecordOn(Event):
    """On the record from the time of this entry; `tracks` must each be accounted for until `record.off`. `sealed`: what
    is recorded is sealed (`interval.sealed`).
    """

    stretch: int
    tracks: list[TrackName]
    sealed: bool | None = None
    by: By

    def sentence(self, named: Named) -> Sentence:
        told = {"who": named(self.by), "n": self.stretch}
        if self.sealed:
            return say("{who} went on the record (stretch {n}, sealed).", **told)
        return say("{who} went on the record (stretch {n}).", **told)


class RecordOff(Event):
    stretch: int
    reason: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say("Off the record: {reason}", reason=_reason(self.reason, self.by))


class IntervalSealed(Event):
    """What is recorded from here on is sealed: kept under a key of its own, left out of every copy of the record, and
    heard again only when two people open it.
    """

    reason: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say("{who} sealed what follows: {reason}", who=named(self.by), reason=self.reason)


class IntervalEnded(Event):
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say("{who} declared that what follows is open again.", who=named(self.by))


class UnsealingAsked(Event):
    """Somebody asks to listen to a sealed stretch; another person must allow it."""

    stretch: int
    reason: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{who} asked to listen to the sealed stretch {n}: {reason}",
            who=named(self.by),
            n=self.stretch,
            reason=self.reason,
        )


class UnsealingDeclined(Event):
    stretch: int
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{who} did not allow the sealed stretch {n} to be heard.", who=named(self.by), n=self.stretch
        )


class UnsealingAllowed(Event):
    """The sealed stretch may be heard for twelve hours by whoever may hear the recording."""

    stretch: int
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say("{who} allowed the sealed stretch {n} to be heard.", who=named(self.by), n=self.stretch)


class ExaminationBegun(Event):
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say("{who} began the examination.", who=named(self.by))


class HearingSuspended(Event):
    """`lost`: who is heard and was not connected at that moment; each is identified anew before it goes on."""

    reason: str
    lost: list[Handle] | None = None
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say(
            "The hearing was suspended by {who}: {reason}",
            who=named(self.by),
            reason=_reason(self.reason, self.by),
        )


class HearingResumed(Event):
    """`repeated`: what was repeated after the interruption, or that this was waived."""

    repeated: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say("{who} resumed the hearing. {repeated}", who=named(self.by), repeated=self.repeated)


class OathTaken(Event):
    """An oath or affirmation in these words; or, where none was taken, the reason. `language`: of the words (BCP 47);
    `before`: who administered it, if another than who had it noted.
    """

    participant: Handle
    taken: bool
    words: str
    form: Literal["oath", "affirmation"] | None = None
    language: str | None = None
    before: Handle | None = None
    by: By

    def sentence(self, named: Named) -> Sentence:
        who = named(self.participant)
        if not self.taken:
            return say("No oath was taken from {who}: {reason}", who=who, reason=self.words)
        told = {"who": who, "by": named(self.before or self.by), "words": self.words}
        match self.form:
            case "oath":
                return say("{who} took an oath before {by}: “{words}”", **told)
            case "affirmation":
                return say("{who} made an affirmation before {by}: “{words}”", **told)
        return say("{who} took an oath or affirmation before {by}: “{words}”", **told)


class WarningGiven(Event):
    """What refusing to testify, or an untruth, leads to: one warning for each law.

    Sources: ETS 182, Article 9(7); EU Convention of 29 May 2000, Article 10(8); Directive 2014/41/EU, Article 24(7).
    """

    participant: Handle
    law: Literal["requesting", "requested"]
    words: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{who} warned {whom} under {law}: {words}",
            who=named(self.by),
            whom=named(self.participant),
            law=LAW[self.law],
            words=self.words,
        )


class ExhibitShown(Event):
    """An exhibit by its number, and what it is; or, where it was not shown, why."""

    exhibit: str
    shown: bool
    words: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        told = {"who": named(self.by), "number": self.exhibit, "words": self.words}
        if not self.shown:
            return say("{who} noted that exhibit {number} was not shown: {words}", **told)
        return say("{who} noted that exhibit {number} was shown: {words}", **told)


class ConductNoted(Event):
    """The facts of a refusal to testify, or of a statement that may be untrue, for the State whose law applies to it.

    Sources: ETS 182, Article 9(7); EU Convention of 29 May 2000, Article 10(8); Directive 2014/41/EU, Article 24(7).
    """

    participant: Handle
    conduct: Literal["refusal", "untruth"]
    words: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{who} noted of {whom}, for the authorities of the requested State, {conduct}: {words}",
            who=named(self.by),
            whom=named(self.participant),
            conduct=CONDUCT[self.conduct],
            words=self.words,
        )


class StatementNoted(Event):
    """A note of the clerk or the authority present."""

    text: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say("{who} noted: {text}", who=named(self.by), text=self.text)


class MessageSent(Event):
    """Written to the court; or by the court to the place of the person `to`. No part of the minutes."""

    text: str
    to: Handle | None = None
    by: By

    def sentence(self, named: Named) -> Sentence:
        if self.to is None:
            return say("{who} wrote to the court: “{text}”", who=named(self.by), text=self.text)
        return say("{who} wrote to {whom}: “{text}”", who=named(self.by), whom=named(self.to), text=self.text)


# --- what comes up and is answered ---------------------------------------------------------------


class InterventionMade(Event):
    """The authority present holds that a fundamental principle of its law is infringed: the `ground`, and the
    `measure` for which it asks, so that the hearing goes on in line with it. `article`: what of the instrument speaks
    of it; `suspends`: the hearing stands still until it is settled.
    """

    ground: str
    measure: str
    article: str | None = None
    suspends: bool
    by: By

    def provision(self) -> Sentence | None:
        return _article(self.article) if self.article else None

    def sentence(self, named: Named) -> Sentence:
        told = {"who": named(self.by), "ground": self.ground, "measure": self.measure}
        if not self.suspends:
            return say("{who} intervened: {ground} Measure: {measure}", **told)
        return say("{who} intervened, and the hearing stands still: {ground} Measure: {measure}", **told)


class InterventionSettled(Event):
    """By what the intervention of entry `intervention` is settled; or why, after it, the hearing cannot go on."""

    intervention: int
    continues: bool
    words: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        told = {"who": named(self.by), "n": self.intervention, "words": self.words}
        if self.continues:
            return say("{who} declared the intervention of entry {n} settled: {words}", **told)
        return say(
            "{who} declared that after the intervention of entry {n} the hearing cannot go on: {words}",
            **told,
        )


class PrivilegeClaimed(Event):
    """A right not to testify is claimed for the person heard, to a question or, without one, to the last that was
    put. `law`: under which law the person claims it.
    """

    participant: Handle
    question: str | None = None
    law: Literal["requesting", "requested", "both"]
    by: By

    def sentence(self, named: Named) -> Sentence:
        told = {
            "whom": named(self.participant),
            "law": LAW[self.law],
            "question": self.question or say("the last that was put"),
        }
        if self.by == self.participant:
            return say(
                "{whom} claimed the right not to testify under {law}, to the question: {question}", **told
            )
        return say(
            "{who} claimed for {whom} the right not to testify under {law}, to the question: {question}",
            who=named(self.by),
            **told,
        )


class PrivilegeRuled(Event):
    """How the claim of entry `claim` was ruled upon, or that it was withdrawn."""

    claim: int
    outcome: Literal["upheld", "rejected", "withdrawn"]
    reason: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        told = {"who": named(self.by), "n": self.claim, "reason": self.reason}
        match self.outcome:
            case "upheld":
                return say("{who} upheld the right not to testify claimed in entry {n}: {reason}", **told)
            case "rejected":
                return say(
                    "{who} did not uphold the right not to testify claimed in entry {n}: {reason}", **told
                )
            case "withdrawn":
                return say("{who} noted that the claim of entry {n} was withdrawn: {reason}", **told)


class ObjectionRaised(Event):
    """Somebody objects to the interpretation: what is wrong with it (Directive 2010/64/EU, Article 2(5))."""

    words: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say("{who} objected to the interpretation: {words}", who=named(self.by), words=self.words)


class ObjectionDecided(Event):
    """What follows from the objection of entry `objection`: it is said again, another interprets, or nothing."""

    objection: int
    remedy: Literal["repeated", "replaced", "none"]
    words: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{who} decided on the objection of entry {n}, {remedy}: {words}",
            who=named(self.by),
            n=self.objection,
            remedy=REMEDY[self.remedy],
            words=self.words,
        )


class IdentityRenewed(Event):
    """Who was lost and has come back is the same person: by what `means` that was seen, and who is with them, where
    they are not alone.
    """

    participant: Handle
    means: str
    company: str | None = None
    by: By

    def sentence(self, named: Named) -> Sentence:
        told = {"who": named(self.by), "whom": named(self.participant), "means": self.means}
        if not self.company:
            return say("{who} identified {whom} anew, who is alone: {means}", **told)
        return say(
            "{who} identified {whom} anew, in the company of {company}: {means}",
            **told,
            company=self.company,
        )


# --- private consultation and interpretation ---------------------------------------------------


class ConsultationAsked(Event):
    """The person heard, or counsel, asks to speak in private."""

    by: By

    def sentence(self, named: Named) -> Sentence:
        return say("{who} asked for a private consultation.", who=named(self.by))


class ConsultationDeclined(Event):
    """The judge does not grant what was asked for."""

    reason: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{who} did not grant a private consultation: {reason}", who=named(self.by), reason=self.reason
        )


class ConsultationBegun(Event):
    """From here on `people` hear only each other; nothing of it is kept but its times.

    `left`: those who share a place with them and had left that room, as the judge confirmed.
    """

    people: list[Handle]
    left: list[Handle]
    by: By

    def sentence(self, named: Named) -> Sentence:
        told = {"who": named(self.by), "people": _names(self.people, named)}
        if not self.left:
            return say("{who} granted a private consultation to {people}. It began.", **told)
        return say(
            "{who} granted a private consultation to {people}, and confirmed that {left} had left the room. "
            "It began.",
            **told,
            left=_names(self.left, named),
        )


class ConsultationEnded(Event):
    """They are heard by everybody again, once they open their microphones."""

    by: By

    def sentence(self, named: Named) -> Sentence:
        if self.by == Role.SERVICE:
            return say("The private consultation ended.")
        return say("{who} ended the private consultation.", who=named(self.by))


class InterpretationOpened(Event):
    """The interpreter was given the channel of a language (BCP 47), beside the floor."""

    participant: Handle
    language: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{who} opened a channel for interpretation into {language} by {whom}.",
            who=named(self.by),
            language=Tongue(self.language),
            whom=named(self.participant),
        )


class InterpretationClosed(Event):
    participant: Handle
    language: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{who} closed the channel for interpretation into {language} by {whom}.",
            who=named(self.by),
            language=Tongue(self.language),
            whom=named(self.participant),
        )


# --- safeguards --------------------------------------------------------------------------------


class RequirementConfirmed(Event):
    """A safeguard is met: its words and article, who confirmed it, by what proof. `person`: whom it is about;
    `document`: the digest of the document of this hearing that shows it.
    """

    requirement: str
    words: str
    article: str
    person: Handle | None = None
    proof: str
    document: Sha256 | None = None
    by: By

    def sentence(self, named: Named) -> Sentence:
        told = {
            "who": named(self.by),
            "words": say(self.words),
            "article": _article(self.article),
            "proof": self.proof,
        }
        if not self.person:
            return say("{who} confirmed: “{words}” ({article}) {proof}", **told)
        return say(
            "{who} confirmed for {whom}: “{words}” ({article}) {proof}", **told, whom=named(self.person)
        )


class RequirementOverridden(Event):
    """The hearing goes on without a safeguard, as its instrument allows; the reason is printed."""

    requirement: str
    words: str
    article: str
    person: Handle | None = None
    reason: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{who} went on without “{words}” ({article}): {reason}",
            who=named(self.by),
            words=say(self.words),
            article=_article(self.article),
            reason=self.reason,
        )


class RequirementRevoked(Event):
    """A confirmation or override no longer stands."""

    requirement: str
    words: str
    person: Handle | None = None
    reason: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{who} withdrew “{words}”: {reason}",
            who=named(self.by),
            words=say(self.words),
            reason=_reason(self.reason, self.by),
        )


# --- notices of rights and declarations --------------------------------------------------------


class ConsentAsked(Event):
    """A notice of rights or a question was put before the person heard: `words` are the exact text (the canonical form of
    `consent.notices`), of that version in that language, and `sha256` is their digest. `sample`: no authority of this
    hearing had approved it.
    """

    participant: Handle
    what: str
    text: str
    version: str
    language: str
    words: str
    sha256: Sha256
    sample: bool
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{who} put a question to {whom}: {what} (text {text}, version {version}, {language}, {digest}).",
            who=named(self.by),
            whom=named(self.participant),
            what=_code(self.what, DECLARED),
            text=self.text,
            version=self.version,
            language=Tongue(self.language),
            digest=self.sha256[:DIGITS],
        )


class ConsentDeclared(Event):
    """The person heard answered the question of the time `asked`, yes or no.

    `method`: `browser`, signed there (`key`: the point of an ECDSA key on P-256, uncompressed; `signature`: r and s, over
    SHA-256; both in base64url; what is signed: `hearings.answers`); `paper`, whose scan was filed with the digest
    `document`; or `spoken`. `advised`: whether they `had` the advice of a lawyer, or `declined` it when it was offered;
    `through`: the interpreter who read the text to them; `witnessed`: who was there and answers for it.
    """

    participant: Handle
    what: str
    answer: Literal["yes", "no"]
    asked: Instant
    text: str
    version: str
    language: str
    sha256: Sha256
    sample: bool
    method: Literal["browser", "paper", "spoken"]
    advised: Literal["had", "declined"] | None = None
    through: Handle | None = None
    witnessed: Handle | None = None
    document: Sha256 | None = None
    key: str | None = None
    signature: str | None = None
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{whom} answered {answer}: {what} (text {text}, version {version}, {language}, {digest}); {how}.",
            whom=named(self.participant),
            answer=_code(self.answer, ANSWER),
            what=_code(self.what, DECLARED),
            text=self.text,
            version=self.version,
            language=Tongue(self.language),
            digest=self.sha256[:DIGITS],
            how=self._how(named),
        )

    def _how(self, named: Named) -> Sentence:
        match self.method:
            case "browser":
                return say("signed in the browser")
            case "paper":
                return say("on paper, recorded by {who}", who=named(self.by))
            case "spoken":
                return say("by word of mouth, before {who}", who=named(self.witnessed or self.by))


class ConsentRevoked(Event):
    """What the person heard had declared no longer stands. On the record, the hearing is suspended with this."""

    participant: Handle
    what: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        what = _code(self.what, DECLARED)
        if self.by == self.participant:
            return say("{whom} took the answer back: {what}.", whom=named(self.participant), what=what)
        return say(
            "{who} recorded that {whom} took the answer back: {what}.",
            who=named(self.by),
            whom=named(self.participant),
            what=what,
        )


# --- sound and picture -------------------------------------------------------------------------


class MediaProgress(Event):
    """Every ten seconds on the record: how far each original is on disk."""

    tracks: list[Progress]

    def sentence(self, named: Named) -> Sentence:
        return say(
            "The recording stands at {bytes} bytes in {n} tracks.",
            bytes=sum(item.len for item in self.tracks),
            n=len(self.tracks),
        )


class MediaSealed(Event):
    """A file of the recording is complete; `path` is its path in the record, from `data/`."""

    path: str
    sha256: Sha256

    def sentence(self, named: Named) -> Sentence:
        return say("Sealed {file}.", file=self.path.rpartition("/")[2])


class MediaGap(Event):
    """Nothing of the track was received or kept in this time."""

    track: TrackName
    since: Instant = Field(alias="from")
    until: Instant = Field(alias="to")
    reason: str

    def sentence(self, named: Named) -> Sentence:
        seconds = (self.until - self.since).total_seconds()
        return say(
            "{seconds} s without {kind} of {whom}: {reason}.",
            seconds=f"{seconds:.1f}",
            kind=_code(self.track.partition("-")[2], TRACK),
            whom=named(self.track[:8]),
            reason=_code(self.reason, GAP),
        )


class MediaLost(Event):
    """What had been kept is no longer on disk: `n` segments from segment `first` on, with what came in this time."""

    track: TrackName
    stretch: int
    first: int
    n: int
    since: Instant = Field(alias="from")
    until: Instant = Field(alias="to")

    def sentence(self, named: Named) -> Sentence:
        return say(
            "Lost from disk after it had been recorded: {seconds} s of {kind} of {whom}.",
            seconds=f"{(self.until - self.since).total_seconds():.1f}",
            kind=_code(self.track.partition("-")[2], TRACK),
            whom=named(self.track[:8]),
        )


class MediaFailed(Event):
    """The recorder could not go on; the hearing is suspended with this."""

    reason: str

    def sentence(self, named: Named) -> Sentence:
        return say("The recording failed: {reason}", reason=recognised(self.reason))


class MediaShort(Event):
    """The disk has room for so many minutes of recording, and the hearing is planned for more."""

    minutes: int
    planned: int

    def sentence(self, named: Named) -> Sentence:
        return say(
            "The disk has room for {minutes} more minutes of recording; the hearing is planned for {planned}.",
            minutes=self.minutes,
            planned=self.planned,
        )


class MediaRoom(Event):
    """After `media.short`: there is room for the rest of the hearing again."""

    minutes: int
    planned: int

    def sentence(self, named: Named) -> Sentence:
        return say("The disk has room for the rest of the hearing again.")


class MediaFigures(Event):
    """Every ten seconds on the record: how everything came in the `millis` before `at`."""

    quiet: ClassVar[bool] = True

    at: Instant
    millis: int
    rows: Annotated[list[Came], Field(min_length=1)]

    def sentence(self, named: Named) -> Sentence:
        weakest = min(self.rows, key=lambda row: row.rank)
        told = {
            "seconds": f"{self.millis / 1000:.0f}",
            "what": _coming(weakest.track, named),
            "grade": _code(weakest.grade, GRADE),
            "lost": f"{weakest.loss / 10:.1f} %",
        }
        if not weakest.stopped:
            return say("In {seconds} s the weakest was {what}: {grade}, {lost} lost.", **told)
        return say(
            "In {seconds} s the weakest was {what}: {grade}, {lost} lost, and it stopped for {stopped} s.",
            **told,
            stopped=f"{weakest.stopped / 1000:.1f}",
        )


# --- protection --------------------------------------------------------------------------------


class ProtectionOrdered(Event):
    """A court withholds something from the version for the parties, from the public one, or from both. `protects`: the
    `identity` of `whom`; of the `recording` a track, a stretch, or a track in one stretch; or a `member` of an `entry`.

    Sources: ETS 182, Article 9(6); Directive 2014/41/EU, Article 24(6); UNTOC, Article 24(2)(a).
    """

    protects: Literal["identity", "recording", "member"]
    whom: Handle | None = None
    track: TrackName | None = None
    stretch: int | None = None
    entry: int | None = None
    member: str | None = None
    versions: list[Literal["parties", "public"]]
    ground: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        told = {"who": named(self.by), "ground": self.ground}
        if self.protects == "identity":
            return say(
                "{who} ordered that {whom} is not named: {ground}", **told, whom=named(self.whom or "")
            )
        if self.protects == "member":
            return say("{who} ordered that words of entry {n} are withheld: {ground}", **told, n=self.entry)
        if self.track is None:
            return say(
                "{who} ordered that stretch {n} of the recording is withheld: {ground}",
                **told,
                n=self.stretch,
            )
        what = _coming(self.track, named)
        if self.stretch is None:
            return say("{who} ordered that {what} is withheld: {ground}", **told, what=what)
        return say(
            "{who} ordered that {what} in stretch {n} is withheld: {ground}",
            **told,
            what=what,
            n=self.stretch,
        )


class ProtectionLifted(Event):
    """An order of protection no longer stands: that of entry `order`; or `whom`, who was described as to be protected,
    may be named.
    """

    order: int | None = None
    whom: Handle | None = None
    ground: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        told = {"who": named(self.by), "ground": self.ground}
        if self.whom is not None:
            return say("{who} ordered that {whom} may be named: {ground}", **told, whom=named(self.whom))
        return say("{who} lifted the protection of entry {n}: {ground}", **told, n=self.order)


# --- the record --------------------------------------------------------------------------------

PUBLIC_MINUTES = ".public.pdf"


class CosignerUnavailable(Event):
    """The cosigner was asked in vain for longer than a minute: no head `since` then bears its signature."""

    cosigner: str
    since: Instant

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{cosigner} has not cosigned the journal since {time}.",
            cosigner=self.cosigner,
            time=_moment(self.since),
        )


class CosignerReturned(Event):
    """After `cosigner.unavailable`, with the same `since`: it has signed a head over everything before this entry."""

    cosigner: str
    since: Instant

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{cosigner} cosigns the journal again; it had not since {time}.",
            cosigner=self.cosigner,
            time=_moment(self.since),
        )


class MinutesWorded(Event):
    """The sentence of an entry is worded in another way in the minutes of a side, in one language; `old`: as it was."""

    whose: Side
    entry: int
    language: str
    old: str
    words: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{who} worded entry {n} of {minutes} anew: “{words}”; before: “{old}”.",
            who=named(self.by),
            n=self.entry,
            minutes=MINUTES[self.whose],
            words=self.words,
            old=self.old,
        )


class MinutesRead(Event):
    """Minutes were read by somebody who took part, or to them (`aloud`), by an interpreter `through` whom if it was not in
    their language; and what they said: that they are right, a remark, or that they do not sign. `sha256`: of what was read.
    """

    participant: Handle
    whose: Side
    language: str
    aloud: bool
    through: Handle | None = None
    said: Literal["right", "remark", "refused"]
    words: str | None = None
    sha256: Sha256
    by: By

    def sentence(self, named: Named) -> Sentence:
        told = {"whom": named(self.participant), "minutes": MINUTES[self.whose], "how": self.how(named)}
        match self.said:
            case "right":
                return say("{whom} says that {minutes} are right ({how}).", **told)
            case "remark":
                return say("{whom} remarks on {minutes} ({how}): “{words}”", **told, words=self.words or "")
            case "refused":
                reason = self.words or say("no reason was given")
                return say("{whom} does not sign {minutes} ({how}): {reason}", **told, reason=reason)

    def how(self, named: Named) -> Sentence:
        """In which language, and who read."""
        language = Tongue(self.language)
        if not self.aloud:
            return say("read in {language}", language=language)
        if self.through:
            return say("read out in {language} by {through}", language=language, through=named(self.through))
        return say("read out in {language} by {who}", language=language, who=named(self.by))


class MinutesOmitted(Event):
    """The minutes of a side lack something that is demanded of them, by its id; and why."""

    whose: Side
    requirement: str
    words: str
    reason: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{who} said why {minutes} lack this: {words} {reason}",
            who=named(self.by),
            minutes=MINUTES[self.whose],
            words=recognised(self.words, LACKS),
            reason=self.reason,
        )


class MinutesSigned(Event):
    """Whoever answers for the minutes of a side has signed them: here, by a press; with a `card` of their own, outside
    of this service (the name and the certificate's digest on it); or on paper, whose scan was filed with the digest
    `document`. `sha256`: of the file that was signed, before any signature.
    """

    whose: Side
    signed: Literal["here", "card", "paper"]
    sha256: Sha256
    card: str | None = None
    certificate: Sha256 | None = None
    document: Sha256 | None = None
    by: By

    def sentence(self, named: Named) -> Sentence:
        told = {"who": named(self.by), "minutes": MINUTES[self.whose]}
        match self.signed:
            case "here":
                return say("{who} signed {minutes}.", **told)
            case "card":
                return say(
                    "{who} signed {minutes} with the certificate of {card}.", **told, card=self.card or ""
                )
            case "paper":
                digest = (self.document or "")[:DIGITS]
                return say("{who} signed {minutes} on paper (scan {digest}).", **told, digest=digest)


class MinutesElsewhere(Event):
    """The requesting court keeps its own record outside of this service; where, and why."""

    reason: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{who}: the requesting court keeps its own record elsewhere. {reason}",
            who=named(self.by),
            reason=self.reason,
        )


class MinutesSealed(Event):
    """Minutes that were signed are sealed; `path` is their path in the record, from `data/`. Public ones (`*.public.pdf`)
    are sealed by the service: what they tell was signed in full.
    """

    path: str
    sha256: Sha256
    by: By

    def sentence(self, named: Named) -> Sentence:
        file = self.path.rpartition("/")[2]
        if self.path.endswith(PUBLIC_MINUTES):
            return say("Public minutes were drawn up ({file}).", file=file)
        return say("The seal was put on {file}, as {who} signed it.", who=named(self.by), file=file)


class CustodyPlayed(Event):
    """Somebody begins to listen to a stretch of the recording."""

    stretch: int
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say("{who} listened to stretch {n} of the recording.", who=named(self.by), n=self.stretch)


class CustodyFetched(Event):
    """Somebody takes the sealed package along, which holds so many leaves of the journal. `kind`: in which version; the
    full one, where that is not said.
    """

    leaves: int
    kind: Literal["full", "parties", "public", "annex"] | None = None
    by: By

    def sentence(self, named: Named) -> Sentence:
        if self.kind is None:
            return say("{who} took the sealed package along.", who=named(self.by))
        return say(
            "{who} took the sealed package along: {version}.", who=named(self.by), version=VERSION[self.kind]
        )


class CustodySent(Event):
    """Somebody has the package sent to the court `to`, which has a service of its own; what is said of it later names it by
    `sending`.
    """

    sending: Number
    to: str
    version: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{who} sends {version} to {to}.",
            who=named(self.by),
            version=_code(self.version, VERSION),
            to=self.to,
        )


class CustodyOffered(Event):
    """Somebody lets `to`, who has no such service, fetch the package with the digest `package` until `until`."""

    sending: Number
    to: str
    version: str
    package: Sha256
    until: Instant
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{who} lets {to} fetch {version} until {until}.",
            who=named(self.by),
            to=self.to,
            version=_code(self.version, VERSION),
            until=Moment(self.until, stamp(self.until)),
        )


class CustodySubmitted(Event):
    """The other court's service says that it knows of the package that is coming; `receipt`: the digest of what it sealed."""

    sending: Number
    to: str
    package: Sha256
    receipt: Sha256

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{to} knows that the package {package} is coming.", to=self.to, package=self.package[:DIGITS]
        )


class CustodyDelivered(Event):
    """The other court's service has the whole package; `accepted` and `verdict`: what came of verifying it there."""

    sending: Number
    to: str
    accepted: bool
    verdict: str
    receipt: Sha256

    def sentence(self, named: Named) -> Sentence:
        if self.accepted:
            return say("{to} has the whole package, and it verifies there.", to=self.to)
        return say(
            "{to} has the whole package, and does not keep it: it does not verify there. {verdict}",
            to=self.to,
            verdict=self.verdict,
        )


class CustodyRetrieved(Event):
    """Somebody at `to` took the package: with a sealed `receipt`, or by giving the key of what was offered."""

    sending: Number
    to: str
    receipt: Sha256 | None = None

    def sentence(self, named: Named) -> Sentence:
        if self.receipt is None:
            return say("{to} fetched the package.", to=self.to)
        return say("Somebody at {to} opened the package.", to=self.to)


class CustodyWithdrawn(Event):
    """What was sent or offered can no longer be fetched."""

    sending: Number
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say("{who} withdrew what was to be fetched.", who=named(self.by))


class CustodyHeld(Event):
    """While this hold stands nothing of the hearing is destroyed. It is named by the number of this entry."""

    reason: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{who} laid a hold: nothing may be destroyed. {reason}", who=named(self.by), reason=self.reason
        )


class CustodyReleased(Event):
    """A hold no longer stands; `hold` is the number of the entry that laid it."""

    hold: int
    reason: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{who} lifted the hold of entry {n}: {reason}",
            who=named(self.by),
            n=self.hold,
            reason=self.reason,
        )


class CustodyDestroyed(Event):
    """The certificate, and the last entry: by which rules, until which day it was `kept`, the digests of the public halves of
    the keys that were destroyed, how many files of how many bytes, and in whose name. `decision`: how a conflict
    of the rules was settled.
    """

    closed: Instant
    kept: date
    rules: list[Keeps]
    decision: str | None = None
    keys: list[Sha256]
    files: int
    bytes: int
    name: str
    function: str
    by: By

    def sentence(self, named: Named) -> Sentence:
        return say(
            "{who} destroyed everything of this hearing; it was kept until {day}.",
            who=self.name,
            day=Day(self.kept),
        )


def _all(base: type[Event]) -> list[type[Event]]:
    return [kind for direct in base.__subclasses__() for kind in (direct, *_all(direct))]


KINDS: dict[str, type[Event]] = {kind.type: kind for kind in _all(Event)}  # type: ignore[type-abstract]  # only its subclasses are listed
"""Every class above, by leaf type."""
