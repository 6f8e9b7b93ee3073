"""The minutes as facts: what the authority on the requested side must have written down at the end.

The rules:

- Five heads are what the treaties demand: date and place; identity of the person heard; identities and
  functions of everybody else taking part on the requested side; oaths; technical conditions. Each names
  the article that demands it, which the caller gives as data. Safeguards, the course of the hearing and
  the signatory come besides; warnings, interventions of the authority present, claims of a right not to testify,
  objections to the interpretation, renewed identifications, exhibits and refusals where there were any. The requesting court's own record is another document.
- Whatever was left out on purpose has a reason here, or the minutes cannot be made: an oath not taken,
  a safeguard overridden.
- What is quoted may be in any language and carries its own tag; what is ours is a `Sentence`, written down in English
  and printed in the languages of the paper.

`minutes_page` says what stands on the paper, `minutes.typ` how it looks, `minutes_pdf` draws and seals it.

Sources: Second Additional Protocol to the 1959 Convention (ETS 182), Article 9(6); EU Convention of 29 May
2000, Article 10(6); Directive 2014/41/EU, Article 24(6).
"""

import unicodedata
from collections.abc import Callable
from typing import Annotated, Literal, Self

import rfc8785
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WrapValidator, model_validator

from hearings.events import Instant, Sha256
from hearings.roles import Capacity, Side
from hearings.sentences import Sentence


def _composed(text: object, read: Callable[[object], str]) -> str:
    if not isinstance(text, Sentence):
        return unicodedata.normalize("NFC", read(text))
    if unicodedata.is_normalized("NFC", text):
        return text
    values = {
        name: _composed(value, read) if isinstance(value, str) else value
        for name, value in text.values.items()
    }
    return Sentence(unicodedata.normalize("NFC", text.template), values)


Text = Annotated[str, WrapValidator(_composed), PlainSerializer(str, return_type=str)]
"""What people wrote, or a `Sentence` of ours, which keeps its template and values and is written down in English."""
Tag = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]


class Part(BaseModel):
    """Base of everything the minutes are made of."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Seat(Part):
    """Where one side sat. `zone` is an IANA name."""

    side: Side
    authority: Text
    place: Text
    state: Text
    zone: str
    reference: Text


class Sitting(Part):
    begin: Instant
    end: Instant


class Fact(Part):
    """A labelled value, for what differs from hearing to hearing."""

    label: Text
    value: Text


class Heard(Part):
    """A person heard; `particulars` such as date of birth or nationality, as far as they may be printed.

    Where identity was not established, `identified_how` says so, and the other two are None.
    """

    name: Text
    capacity: Capacity
    particulars: tuple[Fact, ...] = ()
    identified_how: Text
    identified_by: Text | None = None
    identified_at: Instant | None = None


class Presence(Part):
    """One stay in the hearing; `left` is None for who stayed until the end."""

    entered: Instant
    left: Instant | None = None


class Participant(Part):
    name: Text
    function: Text
    side: Side
    identified: Text = ""
    presence: tuple[Presence, ...] = ()


class Oath(Part):
    """An oath or affirmation: taken, with its words and time; or not, with the reason."""

    name: Text
    taken: bool
    form: Literal["oath", "affirmation"] | None = None
    formula: Text | None = None
    language: Tag = "en"
    administered_by: Text | None = None
    at: Instant | None = None
    reason: Text | None = None

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if self.taken and (self.formula is None or self.at is None):
            raise ValueError("an oath that was taken has its words and its time")
        if not self.taken and not self.reason:
            raise ValueError("an oath that was not taken has a reason")
        return self


class Warned(Part):
    """A warning of what refusing to testify, or an untruth, leads to under one law."""

    name: Text
    law: Text
    words: Text
    by: Text
    at: Instant


class Exhibit(Part):
    """`words`: what it is, or why it was not shown."""

    number: Text
    shown: bool
    words: Text
    by: Text
    at: Instant


class Conduct(Part):
    """The facts of a refusal to testify, or of a statement that may be untrue."""

    name: Text
    what: Text
    words: Text
    by: Text
    at: Instant


class Outcome(Part):
    """How something that came up was answered."""

    outcome: Text
    words: Text
    by: Text
    at: Instant


class Intervention(Part):
    """Of the authority present; `suspended`: the hearing stood still meanwhile."""

    by: Text
    at: Instant
    ground: Text
    measure: Text
    article: Text | None = None
    suspended: bool
    settled: tuple[Outcome, ...] = ()


class Claim(Part):
    """A right not to testify, claimed under a law to a question; without one, to the last that was put."""

    name: Text
    by: Text
    at: Instant
    law: Text
    question: Text | None = None
    ruled: Outcome | None = None


class Objection(Part):
    """To the interpretation."""

    by: Text
    at: Instant
    words: Text
    decided: Outcome | None = None


class Identified(Part):
    """Who was lost and came back; `company`: who was with them, None if nobody."""

    name: Text
    means: Text
    company: Text | None = None
    by: Text
    at: Instant


class Recording(Part):
    """A file of the recording, by its path in the package."""

    path: Text
    sha256: Sha256
    content: Text = ""


class Interruption(Part):
    """A time in which the hearing stood still or something was not recorded; `what` says which."""

    begin: Instant
    end: Instant
    what: Text
    reason: Text


class Worst(Part):
    """The ten seconds of the worst word, and of those the lowest score: `lost` in tenths of a per cent; `jitter`, `trip`, `stopped` in ms."""

    begin: Instant
    end: Instant
    grade: Literal["good", "weak", "bad"]
    score: int
    lost: int
    jitter: int
    trip: int | None = None
    frames: int | None = None
    stopped: int = 0


class Connection(Part):
    """How sound or picture of a person came, or how they heard the others, over all the time that was measured.

    `good`, `weak`, `bad`: ms each; `lost` in tenths of a per cent; `trip` there and back, in ms; `stops`, `stopped`:
    standstills or interruptions, and ms of them in all, None where they are not counted.
    """

    name: Text
    what: Text
    good: int
    weak: int
    bad: int
    lost: int
    trip: int | None = None
    stops: int | None = None
    stopped: int | None = None
    worst: Worst


class Technical(Part):
    """`measured`: how the figures of the connections came about."""

    platform: Text
    version: Text
    codecs: tuple[Text, ...]
    encryption: Text
    further: tuple[Fact, ...] = ()
    recordings: tuple[Recording, ...] = ()
    interruptions: tuple[Interruption, ...] = ()
    connections: tuple[Connection, ...] = ()
    measured: Text = ""


class Safeguard(Part):
    """A requirement and its outcome; an overridden one says why."""

    requirement: Text
    article: Text
    outcome: Literal["met", "overridden"]
    by: Text
    at: Instant
    reason: Text | None = None

    @model_validator(mode="after")
    def _overridden_with_reason(self) -> Self:
        if self.outcome == "overridden" and not self.reason:
            raise ValueError("a safeguard that was overridden has a reason")
        return self


class Declaration(Part):
    """A notice or a question that was put, and what came of it: the answer, or None while there was none.

    `text`: id and version, `sha256` of the exact words, `language` in which they were shown; `how`: signed in a browser, on
    paper or spoken, with who advised, read or witnessed; `revoked`: when it was taken back, `revoked_by`: who wrote that down.
    """

    name: Text
    what: Text
    text: Text
    language: Tag
    sha256: Sha256
    sample: bool
    asked: Instant
    asked_by: Text
    answer: Literal["yes", "no"] | None = None
    answered: Instant | None = None
    how: tuple[Text, ...] = ()
    revoked: Instant | None = None
    revoked_by: Text | None = None


class Reworded(Part):
    """The wording that the clerk gave a sentence in one language; `old`: each that stood before, the first one first."""

    language: Tag
    words: Text
    old: tuple[Text, ...]
    by: Text
    at: Instant


class Happening(Part):
    """One sentence of the course of the hearing, from the entry of that number; `language` is that of the sentence;
    `reworded`: in which words it is put instead, at most once in each language.
    """

    at: Instant
    sentence: Text
    language: Tag = "en"
    entry: int | None = None
    reworded: tuple[Reworded, ...] = ()


class Span(Part):
    """A time on the record; `sealed`: what was recorded is sealed."""

    number: int
    begin: Instant
    end: Instant
    sealed: bool = False


class Tested(Part):
    """A technical test before the hearing: how it came out, and what was measured."""

    place: Text
    at: Instant
    good: bool
    seen: Text
    words: Text = ""
    by: Text


class Interpreted(Part):
    """A time in which somebody interpreted into a language, on a channel beside the floor."""

    name: Text
    language: Tag
    begin: Instant
    end: Instant


class Counsel(Part):
    """A lawyer who took part, and as whose or for whom (`function`)."""

    name: Text
    function: Text
    presence: tuple[Presence, ...] = ()


class Reading(Part):
    """The minutes were read by somebody or to them, and what came of it: `right`, `remark` or `refused` to sign.

    `how`: in which language, and who read; `words`: the remark, or the reason.
    """

    name: Text
    how: Text
    said: Literal["right", "remark", "refused"]
    words: Text = ""
    at: Instant


class Omission(Part):
    """What is demanded of the minutes and they lack, and why."""

    words: Text
    reason: Text
    by: Text
    at: Instant


class Sources(Part):
    """The provision that demands each head, such as "Directive 2014/41/EU, Article 24(6)"; nothing where none does."""

    date_and_place: Text
    person_heard: Text
    participants: Text
    oaths: Text
    technical: Text
    consents: Text = ""
    interpretation: Text = ""
    lawyers: Text = ""
    claims: Text = ""
    interventions: Text = ""
    objections: Text = ""
    recording: Text = ""
    video: Text = ""
    reading: Text = ""


class Signatory(Part):
    """The authority present on the requested side, who answers for the minutes."""

    name: Text
    function: Text
    authority: Text
    place: Text


class Minutes(Part):
    """All that the document says. `document`: the side that answers for it; the requested side's are the minutes of the
    treaty, the other is the requesting court's own record. `video`: why the hearing was held by video link;
    `sight`: who saw and heard whom, the rule first, then what departs from it. `basis`: instrument and article, one a line; `hearing` is its URN.
    """

    hearing: str
    document: Side = Side.REQUESTED
    drawn_up: Instant
    drawn_up_by: Text
    matter: Text
    basis: Annotated[tuple[Text, ...], Field(min_length=1)]
    sources: Sources
    requesting: Seat
    requested: Seat
    sittings: Annotated[tuple[Sitting, ...], Field(min_length=1)]
    heard: Annotated[tuple[Heard, ...], Field(min_length=1)]
    participants: tuple[Participant, ...]
    oaths: tuple[Oath, ...]
    technical: Technical
    safeguards: tuple[Safeguard, ...] = ()
    declarations: tuple[Declaration, ...] = ()
    warnings: tuple[Warned, ...] = ()
    exhibits: tuple[Exhibit, ...] = ()
    conducts: tuple[Conduct, ...] = ()
    interventions: tuple[Intervention, ...] = ()
    claims: tuple[Claim, ...] = ()
    objections: tuple[Objection, ...] = ()
    identities: tuple[Identified, ...] = ()
    video: tuple[Fact, ...] = ()
    presided: tuple[Fact, ...] = ()
    tests: tuple[Tested, ...] = ()
    interpreted: tuple[Interpreted, ...] = ()
    lawyers: tuple[Counsel, ...] = ()
    sight: tuple[Text, ...] = ()
    recorded: tuple[Span, ...] = ()
    readings: tuple[Reading, ...] = ()
    omissions: tuple[Omission, ...] = ()
    course: tuple[Happening, ...] = ()
    signatory: Signatory

    def canonical(self) -> bytes:
        """The facts as JCS; what is attached to the PDF."""
        return rfc8785.dumps(self.model_dump(mode="json"))
