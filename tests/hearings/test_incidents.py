"""What comes up while somebody is heard: who raises it, who settles it, and what it holds until then."""

from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hearings import verify_journal
from hearings.added import claims, identities, interventions, objections
from hearings.database import Database
from hearings.drawing import _conducts, _exhibits, _oaths, _warnings
from hearings.errors import (
    AlreadyDone,
    NotAllowed,
    NotFound,
    NotNow,
    NotReady,
    NotValid,
    Unverifiable,
)
from hearings.events import (
    Event,
    HearingResumed,
    HearingSuspended,
    IdentityRenewed,
    InterventionMade,
    InterventionSettled,
    ParticipantAdmitted,
    ParticipantDismissed,
    ParticipantNamed,
    RecordOff,
    RecordOn,
    SittingOpened,
)
from hearings.incidents import (
    MOST_OPEN,
    Decision,
    Identification,
    Incidents,
    NewClaim,
    NewIntervention,
    NewObjection,
    Ruling,
    Settlement,
    holding,
    unanswered,
    unidentified,
)
from hearings.journal import Entry, Journal
from hearings.roles import OFFICE, Capacity, Role, Side
from hearings.room import Adjournment, Caution, Conduct, Exhibit, Oath, Words
from hearings.states import State
from hearings.story import Story
from hearings.views import load
from media import control
from tests.conftest import FakeClock
from tests.hearings.people_of_law import Courthouse, Standing
from tests.hearings.shelf import Shelf
from tests.hearings.stood import stood
from tests.hearings.test_copies import Archive

REQUESTED = Side.REQUESTED
STILL = NewIntervention(
    ground="The person heard is asked about a privileged letter.", measure="The question is withdrawn."
)
MEANWHILE = STILL.model_copy(update={"suspends": False})
TAKEN = Settlement(continues=True, words="The judge has withdrawn the question.")
NEVER = Settlement(continues=False, words="The judge insists on the question.")
GO_ON = Words(text="Go on.")
UPHELD = Ruling(outcome="upheld", reason="The accused is the witness's brother.")
WRONG = NewObjection(words="“Uncle” was interpreted as “father”.")
AGAIN = Decision(remedy="repeated", words="The question is put again.")


@pytest.fixture
def standing(journal: Journal, tmp_path: Path) -> Standing:
    """On the record: judge, witness, authority, lawyer and interpreter, a place each."""
    return stood(on_record, journal, tmp_path)


def on_record(house: Courthouse) -> Standing:
    return seated(house.requested_hearing()).opened().on_record()


def seated(standing: Standing) -> Standing:
    standing.accepted().scheduled().seated()
    standing.add("lawyer", Role.LAWYER, REQUESTED)
    standing.add("interpreter", Role.INTERPRETER, REQUESTED)
    return standing


@pytest.fixture
def incidents(standing: Standing) -> Incidents:
    return standing.house.incidents


def handle(standing: Standing, name: str) -> str:
    return standing.actors[name].people[0].handle


def place_of(standing: Standing, name: str) -> UUID:
    place = standing.actors[name].place
    assert place
    return place


def last(standing: Standing) -> int:
    """The number of the last entry."""
    return standing.story().size - 1


def state(standing: Standing) -> tuple[State, State]:
    """By the row, and by the journal."""
    return standing.house.docket.hearing(standing.id).state, standing.story().state


def seen(standing: Standing, name: str) -> dict[str, Any]:
    with standing.house.journal.reading() as tx:
        told = load(tx, standing.house.journal, standing.house.known, standing.id)
        return told.as_seen_by(standing.actors[name])


def hints(refused: pytest.ExceptionInfo[NotReady]) -> str:
    return " ".join(refused.value.hints)


def resume(standing: Standing) -> None:
    standing.house.room.resume(standing.actors["judge"], GO_ON)


# --- interventions


def test_an_intervention_suspends_in_its_own_step_and_goes_on_when_it_is_settled(
    standing: Standing, incidents: Incidents
) -> None:
    told = len(standing.types())
    incidents.intervene(standing.actors["authority"], STILL)
    assert standing.types()[told:] == ["intervention.made", "hearing.suspended", "record.off"]
    assert state(standing) == (State.SUSPENDED, State.SUSPENDED)
    (made,) = standing.story().interventions.values()
    assert made.made.article == "Directive 2014/41/EU, Article 24(5)(a)"
    with pytest.raises(NotReady, match="cannot be resumed") as refused:
        resume(standing)
    assert STILL.ground in hints(refused)
    (obstacle,) = seen(standing, "judge")["obstacles"]["resume"]
    assert obstacle["who"] == [OFFICE[Role.AUTHORITY]]
    incidents.settle(standing.actors["authority"], made.n, TAKEN)
    assert standing.types()[-1] == "intervention.settled"
    assert seen(standing, "judge")["obstacles"]["resume"] == []
    resume(standing)
    assert state(standing) == (State.ON_RECORD, State.ON_RECORD)


def test_the_hearing_may_go_on_meanwhile(standing: Standing, incidents: Incidents) -> None:
    told = seen(standing, "authority")["intervention"]
    assert ("takes measures at once" in told["words"], told["mark"]) == (True, "seen")
    silent = {
        name: one.model_copy(update={"intervention": None}) for name, one in standing.house.known.items()
    }
    Incidents(standing.house.acts, silent).intervene(standing.actors["authority"], MEANWHILE)
    assert standing.story().interventions[made(standing)].made.article is None, (
        "no word is put into its mouth"
    )
    assert state(standing) == (State.ON_RECORD, State.ON_RECORD)
    standing.house.room.suspend(standing.actors["judge"], GO_ON)
    resume(standing)
    assert [one.id for one in unanswered(standing.story())] == [f"intervention-{made(standing)}"]


def made(standing: Standing) -> int:
    (n,) = standing.story().interventions
    return n


def test_that_it_cannot_go_on_suspends_and_leaves_ending_and_adjourning(
    standing: Standing, incidents: Incidents
) -> None:
    authority, judge = standing.actors["authority"], standing.actors["judge"]
    incidents.intervene(authority, MEANWHILE)
    incidents.settle(authority, made(standing), NEVER)
    assert standing.types()[-3:] == ["intervention.settled", "hearing.suspended", "record.off"]
    with pytest.raises(NotReady) as refused:
        resume(standing)
    assert NEVER.words in hints(refused)
    with pytest.raises(AlreadyDone):
        incidents.settle(authority, made(standing), NEVER)
    standing.house.room.adjourn(judge, Adjournment(reason="The authorities confer."))
    standing.scheduled()
    standing.house.room.open(standing.coordinator)
    standing.report(control.Armed(at=standing.millis()))
    assert any(NEVER.words in one["sentence"] for one in seen(standing, "judge")["obstacles"]["go-on-record"])
    with pytest.raises(NotReady) as refused:
        standing.house.room.go_on_record(judge)
    assert NEVER.words in hints(refused)
    incidents.settle(authority, made(standing), TAKEN)
    assert not any(
        "cannot go on" in one["sentence"] for one in seen(standing, "judge")["obstacles"]["go-on-record"]
    )
    with pytest.raises(AlreadyDone):
        incidents.settle(authority, made(standing), TAKEN)


def test_in_an_open_room_and_in_a_suspended_one_it_holds_too(
    standing: Standing, incidents: Incidents
) -> None:
    judge, authority = standing.actors["judge"], standing.actors["authority"]
    standing.house.room.go_off_record(judge, GO_ON)
    incidents.intervene(authority, STILL)
    assert standing.types()[-2:] == ["intervention.made", "hearing.suspended"]
    with pytest.raises(NotReady):
        resume(standing)
    incidents.settle(authority, made(standing), TAKEN)
    resume(standing)
    standing.house.room.suspend(judge, GO_ON)
    incidents.intervene(authority, STILL.model_copy(update={"ground": "The room is not quiet."}))
    assert standing.types()[-1] == "intervention.made", "it was suspended already"
    with pytest.raises(NotReady):
        resume(standing)


def test_intervening_is_for_the_authority_alone_and_once_on_one_ground(
    standing: Standing, incidents: Incidents
) -> None:
    for name in ("judge", "witness", "lawyer"):
        with pytest.raises(NotAllowed):
            incidents.intervene(standing.actors[name], STILL)
    incidents.intervene(standing.actors["authority"], MEANWHILE)
    with pytest.raises(AlreadyDone):
        incidents.intervene(standing.actors["authority"], STILL)
    for name in ("judge", "lawyer"):
        with pytest.raises(NotAllowed):
            incidents.settle(standing.actors[name], made(standing), TAKEN)
    with pytest.raises(NotFound):
        incidents.settle(standing.actors["authority"], 0, TAKEN)


def test_after_the_end_it_is_settled_and_nothing_new_comes_up(
    standing: Standing, incidents: Incidents
) -> None:
    authority, judge = standing.actors["authority"], standing.actors["judge"]
    incidents.intervene(authority, STILL)
    standing.house.room.end(judge)
    assert [one["id"] for one in seen(standing, "judge")["obstacles"]["close"]][-1].startswith(
        "intervention-"
    )
    for late in (
        lambda: incidents.intervene(authority, MEANWHILE),
        lambda: incidents.claim(standing.actors["judge"], NewClaim()),
        lambda: incidents.object(authority, WRONG),
    ):
        with pytest.raises(NotNow):
            late()
    incidents.settle(authority, made(standing), NEVER)
    assert state(standing) == (State.ENDED, State.ENDED)
    assert unanswered(standing.story()) == []


# --- rights not to testify


def test_the_person_heard_claims_by_one_press_and_the_judge_rules(
    standing: Standing, incidents: Incidents
) -> None:
    witness, judge = standing.actors["witness"], standing.actors["judge"]
    incidents.claim(witness, NewClaim())
    (claim,) = standing.story().claims.values()
    assert (claim.made.participant, claim.made.law, claim.made.by) == (
        handle(standing, "witness"),
        "both",
        handle(standing, "witness"),
    )
    with pytest.raises(AlreadyDone):
        incidents.claim(witness, NewClaim())
    assert seen(standing, "witness")["you"]["claimed"]
    assert state(standing) == (State.ON_RECORD, State.ON_RECORD)
    for name, yours in {"judge": True, "authority": True, "lawyer": False}.items():
        (matter,) = seen(standing, name)["incidents"]
        assert matter["yours"] is yours, name
    assert seen(standing, "interpreter")["incidents"] == []
    incidents.rule(judge, claim.n, UPHELD)
    assert not seen(standing, "witness")["you"]["claimed"]
    with pytest.raises(AlreadyDone):
        incidents.rule(judge, claim.n, UPHELD)
    incidents.claim(witness, NewClaim(law="requesting"))


def test_it_is_noted_for_them_by_their_lawyer_and_the_court(standing: Standing, incidents: Incidents) -> None:
    standing.add("clerk", Role.CLERK, Side.REQUESTING)
    for name in ("lawyer", "clerk", "judge", "authority"):
        told = NewClaim(person=handle(standing, "witness"), question=f"Asked by {name}?", law="requested")
        incidents.claim(standing.actors[name], told)
        claim = standing.story().claims[last(standing)]
        assert (claim.made.by, claim.made.question) == (handle(standing, name), f"Asked by {name}?")
        with pytest.raises(AlreadyDone):
            incidents.claim(standing.actors[name], told)


def test_nobody_claims_the_right_of_another(standing: Standing, incidents: Incidents) -> None:
    with pytest.raises(NotAllowed):
        incidents.claim(standing.actors["interpreter"], NewClaim())
    defence = standing.add("defence", Role.DEFENCE, Side.REQUESTING)
    standing.house.room.go_off_record(standing.actors["judge"], GO_ON)
    standing.report(control.Joined(place=str(defence.place), connection="c1", at=standing.millis()))
    standing.house.room.admit(standing.actors["judge"], place_of(standing, "defence"))
    with pytest.raises(NotAllowed, match="their lawyer"):
        incidents.claim(defence, NewClaim())
    with pytest.raises(NotFound):
        incidents.claim(standing.actors["judge"], NewClaim(person=handle(standing, "lawyer")))
    other = standing.add("second", Role.HEARD, REQUESTED, capacity=Capacity.ACCUSED)
    with pytest.raises(NotAllowed):
        incidents.claim(standing.actors["witness"], NewClaim(person=other.people[0].handle))
    with pytest.raises(NotValid):
        incidents.claim(standing.actors["judge"], NewClaim())
    incidents.claim(defence, NewClaim(person=other.people[0].handle))


def test_who_waits_outside_writes_to_the_court(standing: Standing, incidents: Incidents) -> None:
    standing.house.room.dismiss(standing.actors["judge"], place_of(standing, "witness"))
    for attempt in (
        lambda: incidents.claim(standing.actors["witness"], NewClaim()),
        lambda: incidents.object(standing.actors["witness"], WRONG),
    ):
        with pytest.raises(NotNow, match="not in the room"):
            attempt()


EVERY = ("upheld", "rejected", "withdrawn")


def test_nobody_floods_the_court(standing: Standing, incidents: Incidents) -> None:
    lawyer = standing.actors["lawyer"]
    for n in range(MOST_OPEN // 2):
        incidents.claim(lawyer, NewClaim(question=f"Question {n}?"))
        incidents.object(lawyer, NewObjection(words=f"Word {n} was left out."))
    for more in (
        lambda: incidents.claim(lawyer, NewClaim()),
        lambda: incidents.object(lawyer, WRONG),
    ):
        with pytest.raises(NotNow, match="Wait until the court"):
            more()
    incidents.claim(standing.actors["witness"], NewClaim())


def test_the_authority_rules_under_its_own_law(standing: Standing, incidents: Incidents) -> None:
    judge, authority = standing.actors["judge"], standing.actors["authority"]
    may = {"requested": {*EVERY}, "both": {"upheld"}, "requesting": set[str]()}
    for law, outcome in product(may, EVERY):
        told = {"person": handle(standing, "witness"), "law": law, "question": f"{law}, {outcome}?"}
        incidents.claim(judge, NewClaim.model_validate(told))
        n = last(standing)
        ruling = Ruling.model_validate({"outcome": outcome, "reason": "Article 80."})
        if outcome not in may[law]:
            with pytest.raises(NotAllowed, match="law of the requested State"):
                incidents.rule(authority, n, ruling)
        incidents.rule(authority if outcome in may[law] else judge, n, ruling)
    for name in ("lawyer", "witness"):
        with pytest.raises(NotAllowed):
            incidents.rule(standing.actors[name], n, UPHELD)
    with pytest.raises(NotFound):
        incidents.rule(judge, 0, UPHELD)


# --- the interpretation


def test_the_interpretation_is_objected_to_and_the_judge_decides(
    standing: Standing, incidents: Incidents
) -> None:
    judge = standing.actors["judge"]
    for name in ("witness", "lawyer", "authority", "judge"):
        incidents.object(standing.actors[name], WRONG)
        n = last(standing)
        with pytest.raises(AlreadyDone):
            incidents.object(standing.actors[name], WRONG)
        assert [one["kind"] for one in seen(standing, name)["incidents"]] == ["objection"]
        assert [one["yours"] for one in seen(standing, "judge")["incidents"]] == [True]
        assert [one.id for one in unanswered(standing.story())] == [f"objection-{n}"]
        incidents.decide(judge, n, AGAIN)
        with pytest.raises(AlreadyDone):
            incidents.decide(judge, n, AGAIN)
        assert seen(standing, "judge")["incidents"] == []
    for other in ("authority", "lawyer", "witness"):
        with pytest.raises(NotAllowed):
            incidents.decide(standing.actors[other], n, AGAIN)
    with pytest.raises(NotFound):
        incidents.decide(judge, 0, AGAIN)
    with pytest.raises(NotAllowed):
        incidents.object(standing.actors["interpreter"], WRONG)
    with pytest.raises(NotFound):
        incidents.object(judge, WRONG.model_copy(update={"person": handle(standing, "witness")}))
    silent = standing.house.requested_hearing(reference="13/2026").accepted().scheduled().seated().opened()
    with pytest.raises(NotNow, match="Nobody interprets"):
        incidents.object(silent.actors["judge"], WRONG)


# --- who was lost


def lose(standing: Standing, clock: FakeClock, name: str = "witness") -> None:
    """For so long that it suspends."""
    go(standing, name)
    clock.pass_(seconds=10)
    assert standing.house.room.suspend_for_loss(standing.id, place_of(standing, name))


def go(standing: Standing, name: str = "witness") -> None:
    now = standing.millis()
    standing.report(control.Lost(place=str(place_of(standing, name)), since=now, at=now))


def come_back(standing: Standing, name: str = "witness") -> None:
    now = standing.millis()
    standing.report(control.Returned(place=str(standing.actors[name].place), since=now - 10_000, at=now))


def sight(standing: Standing, **changes: object) -> Identification:
    told = {"person": handle(standing, "witness"), "means": "By sight and voice.", "alone": True}
    return Identification.model_validate({**told, **changes})


def test_who_was_lost_is_identified_anew_before_it_goes_on(
    standing: Standing, incidents: Incidents, clock: FakeClock
) -> None:
    authority = standing.actors["authority"]
    lose(standing, clock)
    assert standing.story().unidentified == {handle(standing, "witness")}
    with pytest.raises(NotNow, match="not connected"):
        incidents.identify(authority, sight(standing))
    come_back(standing)
    with pytest.raises(NotReady) as refused:
        resume(standing)
    assert "identified them anew" in hints(refused)
    assert [one["yours"] for one in seen(standing, "authority")["to_identify"]] == [True]
    assert [one["yours"] for one in seen(standing, "judge")["to_identify"]] == [False]
    for name in ("judge", "lawyer", "witness"):
        with pytest.raises(NotAllowed):
            incidents.identify(standing.actors[name], sight(standing))
    for both in ({"alone": True, "company": "Lawyer"}, {"alone": False}):
        with pytest.raises(NotValid):
            incidents.identify(authority, sight(standing, **both))
    incidents.identify(authority, sight(standing, alone=False, company="Lawyer"))
    assert standing.types()[-1] == "identity.renewed"
    with pytest.raises(NotNow, match="identified anew"):
        incidents.identify(authority, sight(standing))
    resume(standing)
    assert state(standing) == (State.ON_RECORD, State.ON_RECORD)


def test_another_suspension_asks_for_nobody_and_nor_does_the_loss_of_another(
    standing: Standing, incidents: Incidents, clock: FakeClock
) -> None:
    judge = standing.actors["judge"]
    standing.house.room.suspend(judge, GO_ON)
    with standing.house.journal.reading() as tx:
        told = standing.house.journal.entries(tx, standing.id)[-2].event
    assert isinstance(told, HearingSuspended)
    assert "lost" not in told.members()
    go(standing)
    clock.pass_(seconds=1)
    come_back(standing)
    resume(standing)
    lose(standing, clock, "interpreter")
    come_back(standing, "interpreter")
    resume(standing)
    with pytest.raises(NotNow):
        incidents.identify(standing.actors["authority"], sight(standing))
    go(standing)
    standing.house.room.suspend(judge, GO_ON)
    assert standing.story().unidentified == {handle(standing, "witness")}, "suspended by hand, over a loss"
    standing.house.room.adjourn(judge, Adjournment(reason="The line is bad."))
    assert standing.story().unidentified == set(), "a new sitting begins anew"


def test_who_was_sent_out_holds_nobody_up_and_does_not_come_back_unidentified(
    standing: Standing, incidents: Incidents, clock: FakeClock
) -> None:
    judge, place = standing.actors["judge"], place_of(standing, "witness")
    lose(standing, clock)
    standing.house.room.dismiss(judge, place)
    resume(standing)
    come_back(standing)
    with pytest.raises(NotReady, match="cannot come into"):
        standing.house.room.admit(judge, place)
    incidents.identify(standing.actors["authority"], sight(standing))
    standing.house.room.admit(judge, place)
    assert state(standing) == (State.ON_RECORD, State.ON_RECORD)


# --- oaths and warnings


FORMULA = "I solemnly declare that I will tell the whole truth."


def sworn(standing: Standing, name: str = "witness", **changes: object) -> Oath:
    return Oath.model_validate({"person": handle(standing, name), "words": FORMULA, **changes})


def test_without_an_express_request_nobody_who_is_heard_is_sworn(standing: Standing) -> None:
    room, judge = standing.house.room, standing.actors["judge"]
    with pytest.raises(NotAllowed, match="does not expressly ask"):
        room.note_oath(judge, sworn(standing))
    room.note_oath(judge, sworn(standing, taken=False, words="None was asked for."))
    room.note_oath(judge, sworn(standing, "interpreter"))
    assert [(one.participant, one.taken) for _, one in standing.story().oaths] == [
        (handle(standing, "witness"), False),
        (handle(standing, "interpreter"), True),
    ]
    assert seen(standing, "judge")["request"]["oath"] is None


def test_an_oath_that_is_asked_for_is_taken_as_asked(journal: Journal, tmp_path: Path) -> None:
    asked = Courthouse(journal, tmp_path).requested_hearing(oath=FORMULA, oath_by="requested")
    standing = seated(asked).opened().on_record()
    told = seen(standing, "judge")["request"]
    assert (told["oath"], told["oath_by"]) == (FORMULA, "requested")
    assert (standing.story().oath, standing.story().oath_by) == (FORMULA, REQUESTED)
    room, judge, authority = standing.house.room, standing.actors["judge"], handle(standing, "authority")
    with pytest.raises(NotFound):
        room.note_oath(judge, sworn(standing, before="zzzzzzzz"))
    room.note_oath(judge, sworn(standing, form="affirmation", language="pt", before=authority))
    (oath,) = _oaths(standing.story())
    assert (oath.form, oath.formula, oath.language, oath.administered_by) == (
        "affirmation",
        FORMULA,
        "pt",
        "Authority",
    )
    for name in ("witness", "lawyer"):
        with pytest.raises(NotAllowed):
            room.note_oath(standing.actors[name], sworn(standing))


def test_two_warnings_one_for_each_law(standing: Standing) -> None:
    room, witness = standing.house.room, handle(standing, "witness")
    for name, law in (("judge", "requesting"), ("authority", "requested")):
        told = {"person": witness, "law": law, "words": "Perjury is punished."}
        room.warn(standing.actors[name], Caution.model_validate(told))
    assert [(one.by, one.law) for one in _warnings(standing.story())] == [
        ("Judge", "the law of the requesting State"),
        ("Authority", "the law of the requested State"),
    ]
    caution = Caution(person=handle(standing, "lawyer"), law="requesting", words="No.")
    with pytest.raises(NotFound):
        room.warn(standing.actors["judge"], caution)
    with pytest.raises(NotAllowed):
        room.warn(standing.actors["lawyer"], caution)
    standing.house.room.go_off_record(standing.actors["judge"], GO_ON)
    with pytest.raises(NotNow):
        room.warn(standing.actors["judge"], caution)


def test_exhibits_and_refusals_are_noted_as_facts(standing: Standing) -> None:
    room, judge, authority = standing.house.room, standing.actors["judge"], standing.actors["authority"]
    letter = Exhibit(exhibit="7", words="The letter of 2 May.")
    room.note_exhibit(judge, letter)
    room.note_exhibit(judge, letter.model_copy(update={"exhibit": "8", "shown": False}))
    with pytest.raises(NotAllowed):
        room.note_exhibit(authority, letter)
    facts = Conduct(person=handle(standing, "witness"), conduct="refusal", words="No reason was given.")
    with pytest.raises(NotAllowed):
        room.report(standing.actors["lawyer"], facts)
    with pytest.raises(NotFound):
        room.report(judge, facts.model_copy(update={"person": handle(standing, "lawyer")}))
    room.go_off_record(judge, GO_ON)
    with pytest.raises(NotNow):
        room.note_exhibit(judge, letter)
    room.end(judge)
    room.report(authority, facts)
    story = standing.story()
    assert [(one.number, one.shown) for one in _exhibits(story)] == [("7", True), ("8", False)]
    assert [(one.what, one.by) for one in _conducts(story)] == [("a refusal to testify", "Authority")]


# --- the record


def test_the_minutes_have_each_with_its_end(
    standing: Standing, incidents: Incidents, clock: FakeClock
) -> None:
    authority, judge = standing.actors["authority"], standing.actors["judge"]
    incidents.claim(standing.actors["witness"], NewClaim(question="Who wrote the letter?"))
    incidents.rule(judge, last(standing), UPHELD)
    incidents.object(authority, WRONG)
    incidents.decide(judge, last(standing), AGAIN)
    incidents.intervene(authority, MEANWHILE)
    incidents.settle(authority, last(standing), NEVER)
    incidents.settle(authority, made(standing), TAKEN)
    resume(standing)
    lose(standing, clock)
    come_back(standing)
    incidents.identify(authority, sight(standing))
    story = standing.story()
    (claim,), (objection,), (intervention,), (identity,) = (
        claims(story),
        objections(story),
        interventions(story),
        identities(story),
    )
    assert claim.ruled
    assert (claim.name, claim.law, claim.ruled.outcome, claim.ruled.by) == (
        "Witness",
        "the law of either State",
        "upheld",
        "Judge",
    )
    assert objection.decided
    assert (objection.by, objection.decided.outcome) == ("Authority", "it is said again")
    assert (intervention.ground, intervention.suspended) == (STILL.ground, False)
    assert [(one.outcome, one.words) for one in intervention.settled] == [
        ("the hearing cannot go on", NEVER.words),
        ("the hearing goes on", TAKEN.words),
    ]
    assert (identity.name, identity.company, identity.by) == ("Witness", None, "Authority")


# --- the gates and the verifier


STEPS = ("still", "meanwhile", "settle", "bar", "lose", "identify", "dismiss", "admit", "resume")
WITNESS = "bbbbbbbb"


class Told:
    """A hearing on the record as its journal alone tells it, in the states in which its verbs may be used."""

    def __init__(self) -> None:
        self.story, self.entries = Story(), list[Entry]()
        person = {"name": "W", "role": "heard", "function": "x", "side": "requested", "place": "x"}
        more = {"language": "en", "capacity": "witness", "by": BY}
        self.tell(ParticipantNamed.model_validate({"participant": WITNESS, **person, **more}))
        self.tell(SittingOpened(n=1, by=BY))
        self.tell(ParticipantAdmitted(participant=WITNESS, by=BY))
        self.tell(RecordOn(stretch=1, tracks=[], by=BY))

    def tell(self, event: Event) -> None:
        self.entries.append(self.next(event))
        self.story.tell(self.entries[-1:])

    def next(self, event: Event) -> Entry:
        return Entry(len(self.entries), START, event)

    def refused(self, event: Event) -> bool:
        """Whether the verifier refuses a record that goes on so."""
        read = [
            verify_journal.Entry(
                one.seq,
                one.time,
                one.event.type,
                getattr(one.event, "participant", None),
                one.event.members(),
                concealed=False,
            )
            for one in (*self.entries, self.next(event))
        ]
        try:
            verify_journal._check_interventions(read)
            verify_journal._check_identities(read)
        except Unverifiable:
            return True
        return False

    @property
    def still(self) -> bool:
        return self.story.state is State.SUSPENDED

    def suspend(self, lost: list[str] | None = None) -> None:
        if not self.still:
            self.tell(HearingSuspended(reason="x", lost=lost, by=BY))
            self.tell(RecordOff(stretch=len(self.story.stretches), reason="x", by=BY))


BY = "aaaaaaaa"
START = datetime(2026, 11, 27, 10, tzinfo=UTC)


@given(st.lists(st.sampled_from(STEPS), max_size=16))
@example(["still", "resume", "settle", "resume"])
@example(["meanwhile", "bar", "resume", "settle", "resume"])
@example(["lose", "resume", "identify", "resume"])
@example(["lose", "dismiss", "resume", "admit", "identify", "admit"])
def test_the_verifier_refuses_what_the_gates_refuse_and_nothing_else(steps: list[str]) -> None:
    told = Told()
    for step in steps:
        open_ = [one.n for one in told.story.interventions.values() if one.open or one.bars]
        inside = told.story.people[WITNESS].admitted
        match step:
            case "still" | "meanwhile":
                told.tell(InterventionMade(ground="g", measure="m", suspends=step == "still", by=BY))
                if step == "still":
                    told.suspend()
            case "settle" | "bar" if open_:
                goes = step == "settle"
                told.tell(InterventionSettled(intervention=open_[0], continues=goes, words="w", by=BY))
                if not goes:
                    told.suspend()
            case "lose" if inside:
                told.suspend([WITNESS])
            case "identify" if WITNESS in told.story.unidentified:
                told.tell(IdentityRenewed(participant=WITNESS, means="m", by=BY))
            case "dismiss" if inside:
                told.tell(ParticipantDismissed(participant=WITNESS, by=BY))
            case "admit" if not inside:
                event = ParticipantAdmitted(participant=WITNESS, by=BY)
                held = not told.still and bool(unidentified(told.story, [WITNESS]))
                assert told.refused(event) is held
                if not held:
                    told.tell(event)
            case "resume" if told.still:
                event = HearingResumed(repeated="x", by=BY)
                held = bool(holding(told.story))
                assert told.refused(event) is held
                if not held:
                    told.tell(event)
                    told.tell(RecordOn(stretch=len(told.story.stretches) + 1, tracks=[], by=BY))


async def test_nothing_is_signed_while_something_is_open_and_nothing_is_answered_afterwards(
    standing: Standing, incidents: Incidents, database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    authority, judge = standing.actors["authority"], standing.actors["judge"]
    incidents.claim(standing.actors["witness"], NewClaim())
    claim = last(standing)
    incidents.object(authority, WRONG)
    incidents.intervene(authority, MEANWHILE)
    shelf = Shelf(Archive(standing, tmp_path / "recordings", clock), database, tmp_path, clock)
    await shelf.archive.copies.work()
    standing.house.room.end(judge)
    wanted = {
        one["id"].partition("-")[0]: one["who"] for one in seen(standing, "judge")["obstacles"]["close"]
    }
    assert wanted["claim"] == [OFFICE[Role.PRESIDING], OFFICE[Role.AUTHORITY]]
    assert wanted["objection"] == [OFFICE[Role.PRESIDING]]
    answers = (
        lambda: incidents.rule(judge, claim, UPHELD),
        lambda: incidents.decide(judge, claim + 1, AGAIN),
        lambda: incidents.settle(authority, made(standing), TAKEN),
    )
    facts = Conduct(person=handle(standing, "witness"), conduct="untruth", words="She had said otherwise.")
    for open_, answer in zip(("no ruling", "no decision", "was settled"), answers, strict=True):
        with pytest.raises(NotReady, match="cannot be signed") as refused:
            shelf.sign()
        assert open_ in hints(refused)
        answer()
    shelf.sign()
    for answer in (*answers, lambda: standing.house.room.report(authority, facts)):
        with pytest.raises(AlreadyDone, match="The minutes are signed"):
            answer()
    shelf.records.close(shelf.actor())
