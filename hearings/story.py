"""The journal read as a story: what stands after the entries so far.

Everything that the checklist, the room's plan and the record say of the past is taken from here, so that
it can be told again from the journal alone. `Story` is folded entry by entry and never looks at a row.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from hearings import events as e
from hearings.journal import Entry, Journal
from hearings.roles import OFFICE, Capacity, Circumstance, Role, Side
from hearings.states import State

Consent = e.ConsentAsked | e.ConsentDeclared | e.ConsentRevoked
Unilateral = e.HearingCancelled | e.HearingPostponed | e.HearingAdjourned


@dataclass
class Person:
    """A participant as the journal names them, with the times of their connection (until is None while it lasts).

    `called`: they were admitted in this sitting; `silent`: since when nothing but digital silence comes from their microphone.
    """

    handle: str
    name: str
    role: Role
    function: str
    side: Side
    place: str
    language: str
    capacity: Capacity | None
    circumstances: frozenset[Circumstance] = frozenset()
    admitted: bool = False
    called: bool = False
    dismissed: bool = False
    present: list[tuple[datetime, datetime | None]] = field(default_factory=list)
    lost: list[tuple[datetime, datetime | None]] = field(default_factory=list)
    silent: datetime | None = None

    @property
    def connected(self) -> bool:
        here = bool(self.present) and self.present[-1][1] is None
        return here and not (self.lost and self.lost[-1][1] is None)


@dataclass(frozen=True)
class Settled:
    """A safeguard that stands: confirmed with a proof, or overridden with a reason. `cited`: the article that it was
    told with; `document`: the digest of what shows it.
    """

    by: str
    words: str
    time: datetime
    overridden: bool
    cited: str = ""
    document: str | None = None


@dataclass
class Stretch:
    """One time on the record."""

    n: int
    tracks: tuple[str, ...]
    since: datetime
    until: datetime | None = None
    sealed: "Sealing | None" = None


@dataclass(frozen=True)
class Sealing:
    """What is recorded meanwhile is sealed."""

    since: datetime
    reason: str
    by: str


@dataclass(frozen=True)
class Unsealing:
    """Somebody asked to listen to a sealed stretch; `allowed`: when another allowed it."""

    since: datetime
    reason: str
    by: str
    allowed: datetime | None = None


@dataclass
class Consultation:
    """A private consultation, by the handles of who was in it; of what was said nothing is known."""

    people: tuple[str, ...]
    since: datetime
    by: str
    until: datetime | None = None


@dataclass
class Change:
    """One side changed the plan in entry `n`, and it took effect at once; `confirmed`: when and by whom the other side
    said that it knows.
    """

    n: int
    time: datetime
    event: Unilateral
    confirmed: tuple[datetime, str] | None = None


@dataclass
class Intervention:
    """Of entry `n`; `settled`: what the authority said of it since."""

    n: int
    since: datetime
    made: e.InterventionMade
    settled: list[tuple[datetime, e.InterventionSettled]] = field(default_factory=list)

    @property
    def open(self) -> bool:
        """Not a word was said of how it is settled."""
        return not self.settled

    @property
    def bars(self) -> bool:
        """The authority said last that the hearing cannot go on."""
        return bool(self.settled) and not self.settled[-1][1].continues

    @property
    def holds(self) -> bool:
        """Nothing goes on."""
        return self.bars or (self.open and self.made.suspends)


@dataclass
class Claim:
    """Of a right not to testify, made in entry `n`."""

    n: int
    since: datetime
    made: e.PrivilegeClaimed
    ruled: tuple[datetime, e.PrivilegeRuled] | None = None


@dataclass
class Objection:
    """To the interpretation, raised in entry `n`."""

    n: int
    since: datetime
    raised: e.ObjectionRaised
    decided: tuple[datetime, e.ObjectionDecided] | None = None


@dataclass
class Tested:
    """A technical test; `held`: when, and what it showed; `cancelled`: it is not held."""

    arranged: e.TestArranged | e.TestMoved
    cancelled: bool = False
    held: tuple[datetime, e.TestHeld] | None = None


@dataclass(frozen=True)
class Question:
    """A notice or a question that stands before somebody, and is not answered yet."""

    time: datetime
    asked: e.ConsentAsked


@dataclass(frozen=True)
class Declared:
    """The last answer of somebody, while it stands. `answer`: yes or no; `by`: who wrote it down, the person or an officer."""

    answer: str
    by: str
    time: datetime
    said: e.ConsentDeclared


@dataclass(frozen=True)
class Hold:
    """A hold that stands; `n` is the number of its entry."""

    n: int
    reason: str
    by: str
    since: datetime


@dataclass(frozen=True)
class Protection:
    """An order that something is withheld, of entry `n`, while it stands."""

    n: int
    since: datetime
    ordered: e.ProtectionOrdered


@dataclass
class Uncosigned:
    """A time for which a cosigner did not sign; `until`: when it signed again, which covers what is before as well."""

    cosigner: str
    since: datetime
    until: datetime | None = None


@dataclass
class Interruption:
    since: datetime
    reason: str
    by: str
    until: datetime | None = None
    repeated: str | None = None


@dataclass
class Story:
    """What stands. `settled` is keyed by requirement and person (None where it concerns nobody in particular);
    `latest`: the newest entry of each type; `documents`: by their digests; `fixed`: how often a time was fixed; `adjourned`,
    `postponed`: how it was, until a new time is fixed; `delayed`: how late this sitting runs; `changes`: those that one side
    made alone; `replies`: of those who were invited, by handle and what to; `failed`: why the recorder failed last in this sitting; `short`: that the disk has too little room for the
    rest of it; `lost`: what was found lost from disk since the hearing went on the record last; `asked`: who asks for a
    private consultation, by handle, and since when, until it is granted or declined; `uncosigned`: when which cosigner did not sign; `sealing`: what is recorded now is
    sealed; `turning`: the stretch on the record is about to be followed by another, sealed or not; `unsealings`: who
    asked last to hear a sealed stretch, by its number, until it is declined; `choices`: of the instrument, the last one
    stands; `closed`: when the file was; `unidentified`:
    who was lost when the hearing was suspended, by handle, until they are identified anew or the sitting ends; `tests`: by their numbers, in the order in which they were arranged; `oath`,
    `oath_by`: what the request asks for, and of which side; `questions` and `declarations`: by what is asked,
    and the handle of whom; `consents`: every question, answer and taking back; `protections`: orders that stand, by the
    number of their entry; `bare`: who is described as to be protected, and may be named all the same.


    and the handle of whom; `consents`: every question, answer and taking back; `readings`: of the minutes, with the number of
    the entry; `wordings`: by the side, the entry and the language, `worded`: the number of the last one of a side; `omissions`:
    why the minutes of a side lack what is demanded; `signed`: those of a side, though not sealed yet; `elsewhere`: the
    requesting court keeps its own record outside.
    """

    state: State = State.REQUESTED
    before: State = State.REQUESTED
    size: int = 0
    people: dict[str, Person] = field(default_factory=dict)
    readings: list[tuple[int, datetime, e.MinutesRead]] = field(default_factory=list)
    wordings: dict[tuple[str, int, str], list[tuple[datetime, e.MinutesWorded]]] = field(default_factory=dict)
    worded: dict[str, int] = field(default_factory=dict)
    omissions: dict[tuple[str, str], tuple[datetime, e.MinutesOmitted]] = field(default_factory=dict)
    signed: dict[str, tuple[datetime, e.MinutesSigned]] = field(default_factory=dict)
    elsewhere: tuple[datetime, e.MinutesElsewhere] | None = None
    documents: dict[str, e.Filed | e.DocumentFiled] = field(default_factory=dict)
    settled: dict[tuple[str, str | None], Settled] = field(default_factory=dict)
    latest: dict[str, tuple[datetime, e.Event]] = field(default_factory=dict)
    tests: dict[str, Tested] = field(default_factory=dict)
    sittings: list[tuple[datetime, datetime | None]] = field(default_factory=list)
    stretches: list[Stretch] = field(default_factory=list)
    interruptions: list[Interruption] = field(default_factory=list)
    uncosigned: list[Uncosigned] = field(default_factory=list)
    consultations: list[Consultation] = field(default_factory=list)
    asked: dict[str, datetime] = field(default_factory=dict)
    sealing: Sealing | None = None
    turning: bool = False
    unsealings: dict[int, Unsealing] = field(default_factory=dict)
    gaps: list[e.MediaGap] = field(default_factory=list)
    lost: list[e.MediaLost] = field(default_factory=list)
    figures: list[e.MediaFigures] = field(default_factory=list)
    sealed: dict[str, str] = field(default_factory=dict)
    minutes: dict[str, str] = field(default_factory=dict)
    oaths: list[tuple[datetime, e.OathTaken]] = field(default_factory=list)
    exhibits: list[tuple[datetime, e.ExhibitShown]] = field(default_factory=list)
    conducts: list[tuple[datetime, e.ConductNoted]] = field(default_factory=list)
    warnings: list[tuple[datetime, e.WarningGiven]] = field(default_factory=list)
    interventions: dict[int, Intervention] = field(default_factory=dict)
    claims: dict[int, Claim] = field(default_factory=dict)
    objections: dict[int, Objection] = field(default_factory=dict)
    identities: list[tuple[datetime, e.IdentityRenewed]] = field(default_factory=list)
    unidentified: set[str] = field(default_factory=set)
    oath: str | None = None
    oath_by: Side | None = None
    notes: list[tuple[datetime, e.StatementNoted]] = field(default_factory=list)
    messages: list[tuple[datetime, e.MessageSent]] = field(default_factory=list)
    questions: dict[tuple[str, str], Question] = field(default_factory=dict)
    declarations: dict[tuple[str, str], Declared] = field(default_factory=dict)
    consents: list[tuple[datetime, Consent]] = field(default_factory=list)
    requested_reference: str | None = None
    choices: list[tuple[datetime, e.InstrumentChosen]] = field(default_factory=list)
    holds: dict[int, Hold] = field(default_factory=dict)
    protections: dict[int, Protection] = field(default_factory=dict)
    bare: set[str] = field(default_factory=set)
    sendings: dict[str, list[tuple[datetime, e.Event]]] = field(default_factory=dict)
    closed: datetime | None = None
    fixed: int = 0
    adjourned: e.HearingAdjourned | None = None
    postponed: e.HearingPostponed | None = None
    delayed: e.HearingDelayed | None = None
    changes: dict[int, "Change"] = field(default_factory=dict)
    replies: dict[tuple[str, str], tuple[datetime, e.InvitationAnswered]] = field(default_factory=dict)
    failed: str | None = None
    short: e.MediaShort | None = None

    def named(self, handle: str) -> str:
        """The name to print for a handle."""
        if handle == Role.SERVICE:
            return OFFICE[Role.SERVICE]
        person = self.people.get(handle)
        return person.name if person else handle

    @property
    def stretch(self) -> Stretch | None:
        """The stretch that is on the record now."""
        return self.stretches[-1] if self.stretches and self.stretches[-1].until is None else None

    @property
    def consultation(self) -> Consultation | None:
        """The private consultation that is going on now."""
        latest = self.consultations[-1] if self.consultations else None
        return latest if latest is not None and latest.until is None else None

    def tell(self, entries: Iterable[Entry]) -> "Story":
        for entry in entries:
            self.size = entry.seq + 1
            self._add(entry.time, entry.event)
        return self

    def _add(self, time: datetime, event: e.Event) -> None:
        self.latest[event.type] = time, event
        match event:
            case (
                e.RequestReceived()
                | e.DocumentFiled()
                | e.RequestAccepted()
                | e.RequestDeclined()
                | e.HearingScheduled()
                | e.HearingMoved()
                | e.HearingCancelled()
                | e.HearingClosed()
            ):
                self._decided(time, event)
            case (
                e.HearingPostponed()
                | e.HearingSplit()
                | e.HearingRezoned()
                | e.HearingDelayed()
                | e.TurnSet()
                | e.ChangeConfirmed()
                | e.InvitationAnswered()
            ):
                self._planned(time, event)
            case (
                e.SittingOpened()
                | e.SittingEnded()
                | e.HearingAdjourned()
                | e.RecordOn()
                | e.RecordOff()
                | e.ExaminationBegun()
                | e.HearingSuspended()
                | e.HearingResumed()
            ):
                self._sat(time, event)
            case (
                e.ParticipantNamed()
                | e.ParticipantDescribed()
                | e.ParticipantAdmitted()
                | e.ParticipantDismissed()
                | e.ParticipantJoined()
                | e.ParticipantLost()
                | e.ParticipantReturned()
                | e.ParticipantLeft()
                | e.ParticipantSilent()
                | e.ParticipantAudible()
            ):
                self._attended(time, event)
            case (
                e.RequirementConfirmed()
                | e.RequirementOverridden()
                | e.RequirementRevoked()
                | e.TestArranged()
                | e.TestMoved()
                | e.TestCancelled()
                | e.TestHeld()
            ):
                self._safeguarded(time, event)
            case (
                e.ConsultationAsked()
                | e.ConsultationDeclined()
                | e.ConsultationBegun()
                | e.ConsultationEnded()
            ):
                self._consulted(time, event)
            case (
                e.InterventionMade()
                | e.InterventionSettled()
                | e.PrivilegeClaimed()
                | e.PrivilegeRuled()
                | e.ObjectionRaised()
                | e.ObjectionDecided()
                | e.IdentityRenewed()
            ):
                self._came_up(time, event)
            case (
                e.IntervalSealed()
                | e.IntervalEnded()
                | e.UnsealingAsked()
                | e.UnsealingDeclined()
                | e.UnsealingAllowed()
            ):
                self._sealed_off(time, event)
            case e.ConsentAsked() | e.ConsentDeclared() | e.ConsentRevoked():
                self._consented(time, event)
            case (
                e.CustodyHeld()
                | e.CustodyReleased()
                | e.CustodyDestroyed()
                | e.ProtectionOrdered()
                | e.ProtectionLifted()
                | e.CustodySent()
                | e.CustodyOffered()
                | e.CustodySubmitted()
                | e.CustodyDelivered()
                | e.CustodyRetrieved()
                | e.CustodyWithdrawn()
            ):
                self._in_custody(time, event)
            case (
                e.InstrumentChosen()
                | e.MinutesWorded()
                | e.MinutesRead()
                | e.MinutesOmitted()
                | e.MinutesSigned()
                | e.MinutesElsewhere()
                | e.MinutesSealed()
                | e.OathTaken()
                | e.WarningGiven()
                | e.ExhibitShown()
                | e.ConductNoted()
                | e.StatementNoted()
                | e.MessageSent()
            ):
                self._written(time, event)
            case _:
                self._recorded(time, event)

    def _decided(self, time: datetime, event: e.Event) -> None:
        match event:
            case e.DocumentFiled():
                self.documents[event.sha256] = event
            case e.RequestReceived():
                self.documents |= {one.sha256: one for one in event.documents}
                self.oath, self.oath_by = event.oath, event.oath_by
            case e.RequestAccepted():
                self.state = State.ACCEPTED
                self.requested_reference = event.reference
            case e.RequestDeclined():
                self.state = State.DECLINED
            case e.HearingScheduled() | e.HearingMoved():
                self.state = State.SCHEDULED
                self.fixed += 1
                self.adjourned = self.postponed = None
            case e.HearingCancelled():
                self.state = State.CANCELLED
                self._to_be_known(time, event)
            case e.HearingClosed():
                self.state = State.CLOSED
                self.closed = time

    def _planned(self, time: datetime, event: e.Event) -> None:
        match event:
            case e.HearingPostponed():
                self.state = State.ADJOURNED if self.sittings else State.ACCEPTED
                self.postponed = event
                self._to_be_known(time, event)
            case e.HearingSplit() | e.HearingRezoned():
                self.fixed += 1
            case e.HearingDelayed():
                self.delayed = event
            case e.ChangeConfirmed():
                self.changes[event.change].confirmed = time, event.by
            case e.InvitationAnswered():
                self.replies[(event.participant, event.about)] = time, event

    def _to_be_known(self, time: datetime, event: Unilateral) -> None:
        n = self.size - 1
        self.changes[n] = Change(n, time, event)

    def _sat(self, time: datetime, event: e.Event) -> None:
        match event:
            case e.SittingOpened():
                self.state = State.OPEN
                self.failed = self.short = self.delayed = None
                self.sittings.append((time, None))
            case e.SittingEnded():
                self._sitting_over(time)
            case e.HearingAdjourned():
                self.state = State.ADJOURNED
                self.adjourned = event
                self._to_be_known(time, event)
            case e.RecordOn():
                self.turning = False
                if self.state is not State.EXAMINING:  # resumed in the middle of the examination
                    self.state = State.ON_RECORD
                self.lost.clear()
                sealed = self.sealing if event.sealed else None
                self.stretches.append(Stretch(event.stretch, tuple(event.tracks), time, sealed=sealed))
            case e.RecordOff():
                self.stretches[-1].until = time
                if self.state is not State.SUSPENDED and not self.turning:
                    self.state = State.OPEN
            case e.ExaminationBegun():
                self.state = State.EXAMINING
            case e.HearingSuspended():
                self.before, self.state = self.state, State.SUSPENDED
                self.unidentified.update(event.lost or ())
                self.interruptions.append(Interruption(time, event.reason, event.by))
            case e.HearingResumed():
                self.state = self.before
                self._interruption_over(time, event.repeated)

    def _sitting_over(self, time: datetime) -> None:
        self._interruption_over(time, None)
        self.asked.clear()
        self.unidentified.clear()
        self.state = State.ENDED
        self.sittings[-1] = (self.sittings[-1][0], time)
        for person in self.people.values():
            person.admitted = person.called = False

    def _interruption_over(self, time: datetime, repeated: str | None) -> None:
        if self.interruptions and self.interruptions[-1].until is None:
            self.interruptions[-1].until = time
            self.interruptions[-1].repeated = repeated

    def _attended(self, time: datetime, event: e.Event) -> None:
        match event:
            case e.ParticipantNamed():
                self.people[event.participant] = Person(
                    event.participant,
                    event.name,
                    event.role,
                    event.function,
                    event.side,
                    event.place,
                    event.language,
                    event.capacity,
                    frozenset(event.circumstances or ()),
                )
            case e.ParticipantDescribed():
                self.people[event.participant].circumstances = frozenset(event.circumstances)
                self.bare.discard(event.participant)
            case e.ParticipantAdmitted():
                self.people[event.participant].admitted = self.people[event.participant].called = True
                self.people[event.participant].dismissed = False
            case e.ParticipantDismissed():
                self.people[event.participant].admitted = False
                self.people[event.participant].dismissed = True
            case e.ParticipantJoined():
                self.people[event.participant].present.append((event.at, None))
                _finish(self.people[event.participant].lost, event.at)
            case e.ParticipantLeft():
                _finish(self.people[event.participant].present, event.at)
                _finish(self.people[event.participant].lost, event.at)
                self.people[event.participant].silent = None
            case e.ParticipantSilent():
                self.people[event.participant].silent = event.since
            case e.ParticipantAudible():
                self.people[event.participant].silent = None
            case e.ParticipantLost():
                self.people[event.participant].lost.append((event.since, None))
            case e.ParticipantReturned():
                _finish(self.people[event.participant].lost, event.at)

    def _consulted(self, time: datetime, event: e.Event) -> None:
        match event:
            case e.ConsultationAsked():
                self.asked[event.by] = time
            case e.ConsultationDeclined():
                self.asked.clear()
            case e.ConsultationBegun():
                self.asked.clear()
                self.consultations.append(Consultation(tuple(event.people), time, event.by))
            case e.ConsultationEnded():
                self.consultations[-1].until = time

    def _came_up(self, time: datetime, event: e.Event) -> None:
        n = self.size - 1
        match event:
            case e.InterventionMade():
                self.interventions[n] = Intervention(n, time, event)
            case e.InterventionSettled():
                self.interventions[event.intervention].settled.append((time, event))
            case e.PrivilegeClaimed():
                self.claims[n] = Claim(n, time, event)
            case e.PrivilegeRuled():
                self.claims[event.claim].ruled = time, event
            case e.ObjectionRaised():
                self.objections[n] = Objection(n, time, event)
            case e.ObjectionDecided():
                self.objections[event.objection].decided = time, event
            case e.IdentityRenewed():
                self.identities.append((time, event))
                self.unidentified.discard(event.participant)

    def _sealed_off(self, time: datetime, event: e.Event) -> None:
        match event:
            case e.IntervalSealed():
                self.sealing = Sealing(time, event.reason, event.by)
                self.turning = self.stretch is not None
            case e.IntervalEnded():
                self.sealing = None
                self.turning = self.stretch is not None
            case e.UnsealingAsked():
                self.unsealings[event.stretch] = Unsealing(time, event.reason, event.by)
            case e.UnsealingDeclined():
                self.unsealings.pop(event.stretch, None)
            case e.UnsealingAllowed():
                asked = self.unsealings[event.stretch]
                self.unsealings[event.stretch] = replace(asked, allowed=time)

    def _tested(self, time: datetime, event: e.Event) -> None:
        match event:
            case e.TestArranged():
                self.tests[event.test] = Tested(event)
            case e.TestMoved():
                self.tests[event.test].arranged = event
            case e.TestCancelled():
                self.tests[event.test].cancelled = True
            case e.TestHeld():
                self.tests[event.test].held = time, event

    def _safeguarded(self, time: datetime, event: e.Event) -> None:
        match event:
            case e.RequirementConfirmed():
                self.settled[(event.requirement, event.person)] = Settled(
                    event.by,
                    event.proof,
                    time,
                    overridden=False,
                    cited=event.article,
                    document=event.document,
                )
            case e.RequirementOverridden():
                self.settled[(event.requirement, event.person)] = Settled(
                    event.by, event.reason, time, overridden=True, cited=event.article
                )
            case e.RequirementRevoked():
                self.settled.pop((event.requirement, event.person), None)
            case _:
                self._tested(time, event)

    def _consented(self, time: datetime, event: Consent) -> None:
        self.consents.append((time, event))
        of = event.what, event.participant
        match event:
            case e.ConsentAsked():
                self.questions[of] = Question(time, event)
            case e.ConsentDeclared():
                self.questions.pop(of, None)
                self.declarations[of] = Declared(event.answer, event.by, time, event)
            case e.ConsentRevoked():
                self.declarations.pop(of, None)

    def _recorded(self, time: datetime, event: e.Event) -> None:
        match event:
            case e.MediaFailed():
                self.failed = event.reason
            case e.MediaShort():
                self.short = event
            case e.MediaRoom():
                self.short = None
            case e.MediaLost():
                self.lost.append(event)
            case e.MediaGap():
                self.gaps.append(event)
            case e.MediaFigures():
                self.figures.append(event)
            case e.MediaSealed():
                self.sealed[event.path] = event.sha256
            case e.CosignerUnavailable():
                self.uncosigned.append(Uncosigned(event.cosigner, event.since))
            case e.CosignerReturned():
                for one in self.uncosigned:
                    if (one.cosigner, one.until) == (event.cosigner, None):
                        one.until = time

    def _written(self, time: datetime, event: e.Event) -> None:
        match event:
            case e.InstrumentChosen():
                self.choices.append((time, event))
            case e.OathTaken():
                self.oaths.append((time, event))
            case e.WarningGiven():
                self.warnings.append((time, event))
            case e.ExhibitShown():
                self.exhibits.append((time, event))
            case e.ConductNoted():
                self.conducts.append((time, event))
            case e.StatementNoted():
                self.notes.append((time, event))
            case e.MessageSent():
                self.messages.append((time, event))
            case _:
                self._drawn_up(time, event)

    def _drawn_up(self, time: datetime, event: e.Event) -> None:
        n = self.size - 1
        match event:
            case e.MinutesWorded():
                of = event.whose, event.entry, event.language
                self.wordings.setdefault(of, []).append((time, event))
                self.worded[event.whose] = n
            case e.MinutesRead():
                self.readings.append((n, time, event))
            case e.MinutesOmitted():
                self.omissions[event.whose, event.requirement] = time, event
            case e.MinutesSigned():
                self.signed[event.whose] = time, event
            case e.MinutesElsewhere():
                self.elsewhere = time, event
            case e.MinutesSealed():
                self.minutes[event.path] = event.sha256

    def _in_custody(self, time: datetime, event: e.Event) -> None:
        match event:
            case e.CustodyHeld():
                n = self.size - 1
                self.holds[n] = Hold(n, event.reason, event.by, time)
            case e.CustodyReleased():
                self.holds.pop(event.hold, None)
            case e.CustodyDestroyed():
                self.state = State.DESTROYED
            case e.ProtectionOrdered():
                n = self.size - 1
                self.protections[n] = Protection(n, time, event)
            case e.ProtectionLifted(order=int(order)):
                self.protections.pop(order, None)
            case e.ProtectionLifted(whom=str(whom)):
                self.bare.add(whom)
            case (
                e.CustodySent()
                | e.CustodyOffered()
                | e.CustodySubmitted()
                | e.CustodyDelivered()
                | e.CustodyRetrieved()
                | e.CustodyWithdrawn()
            ):
                self.sendings.setdefault(event.sending, []).append((time, event))


def _finish(times: list[tuple[datetime, datetime | None]], at: datetime) -> None:
    if times and times[-1][1] is None:
        times[-1] = (times[-1][0], at)


def story_of(journal: Journal, hearing: UUID, entries: Sequence[Entry]) -> Story:
    """The story of all entries of a hearing, for whoever only reads it: everybody is given the same one until it grows."""
    return journal.once(hearing, entries, _told)


def _told(entries: Sequence[Entry]) -> Story:
    return Story().tell(entries)
