"""What software gets wrong about such hearings, where it is a matter of steps and not of lists: a test for each, by its
number in the list of such things. `tests/consent/test_checklist.py` has the others.
"""

from pathlib import Path

import pytest

from consent import parties
from consent.governing import Case, Purpose, governing
from hearings import docket
from hearings import events as e
from hearings.consultation import NewConsultation
from hearings.declarations import Declarations, NewQuestion, RecordedAnswer
from hearings.drawing import _course
from hearings.errors import NotAllowed, NotReady
from hearings.incidents import NewIntervention, Settlement
from hearings.journal import Journal
from hearings.people import Description
from hearings.roles import Capacity, Circumstance, Role, Side
from hearings.room import Words, see_and_hear
from hearings.states import State, Verb, allowed
from hearings.store import Store
from hearings.tables import Hearing
from media.channels import RECORDER
from tests.hearings.people_of_law import Courthouse, Standing

GO_ON = Words(text="The last question is put again.")


@pytest.fixture
def house(journal: Journal, tmp_path: Path) -> Courthouse:
    return Courthouse(journal, tmp_path)


def accused(house: Courthouse, folder: Path) -> tuple[Standing, Declarations]:
    """An accused whose lawyer is beside them, in a room that is open; nothing is declared yet."""
    standing = house.requested_hearing(capacity="accused").accepted().scheduled().seated(Capacity.ACCUSED)
    standing.add("lawyer", Role.LAWYER, Side.REQUESTED)
    return standing.opened(), Declarations(house.acts, Store(folder / "documents"))


def handle(standing: Standing, name: str) -> str:
    return standing.actors[name].people[0].handle


def declare(standing: Standing, steps: Declarations, answer: str) -> None:
    authority, person = standing.actors["authority"], handle(standing, "witness")
    steps.ask(authority, NewQuestion(person=person, text="video"))
    said = {"person": person, "what": "video", "answer": answer, "method": "spoken", "advised": "had"}
    steps.record(authority, RecordedAnswer.model_validate(said))


def test_subtlety_14_counsel_is_not_recorded_and_protection_is_not_in_the_minutes(
    house: Courthouse, tmp_path: Path
) -> None:
    standing, steps = accused(house, tmp_path)
    declare(standing, steps, "yes")
    standing.on_record()
    protected = frozenset({Circumstance.PROTECTED})
    person, lawyer = handle(standing, "witness"), handle(standing, "lawyer")
    house.people.describe(standing.actors["authority"], Description(person=person, circumstances=protected))
    house.consultations.begin(standing.actors["judge"], NewConsultation(people=[person, lawyer]))
    story = standing.story()
    assert story.state is State.SUSPENDED
    assert story.stretch is None, "nothing is recorded meanwhile"
    with house.journal.reading() as tx:
        hearing = tx.get_one(Hearing, standing.id)
        rows = see_and_hear(hearing, docket.places(tx, standing.id))
        entries = house.journal.entries(tx, standing.id)
    private = {str(standing.actors[name].place) for name in ("witness", "lawyer")}
    assert not [row for row in rows if row.source in private and row.listener not in private]
    assert any(row.source in private and row.listener in private for row in rows)
    assert not [row for row in rows if row.source in private and row.listener == RECORDER]
    course = [str(one.sentence) for one in _course(story, entries, Side.REQUESTED)]
    assert course
    assert not [sentence for sentence in course if "protected" in sentence]


def test_subtlety_15_of_a_consultation_the_journal_has_who_and_when_and_never_what(
    house: Courthouse, tmp_path: Path
) -> None:
    assert set(e.ConsultationBegun.model_fields) == {"people", "left", "by"}
    assert set(e.ConsultationEnded.model_fields) == {"by"}
    standing, _ = accused(house, tmp_path)
    standing.house.consultations.ask(standing.actors["lawyer"])
    assert set(e.ConsultationAsked.model_fields) == {"by"}


def test_subtlety_17_an_intervention_is_a_duty_and_no_veto(house: Courthouse) -> None:
    """Suspend, correct, resume; ending is an act of its own, and the judge's."""
    standing = house.requested_hearing().accepted().scheduled().seated().opened().on_record()
    judge, authority = standing.actors["judge"], standing.actors["authority"]
    ground = NewIntervention(ground="The question asks for a secret.", measure="It is put otherwise.")
    house.incidents.intervene(authority, ground)
    assert standing.story().state is State.SUSPENDED
    with pytest.raises(NotReady) as refused:
        house.room.resume(judge, GO_ON)
    assert any("interven" in hint for hint in refused.value.hints)
    (n,) = standing.story().interventions
    with pytest.raises(NotAllowed):
        house.incidents.settle(judge, n, Settlement(continues=True, words="I see no fault."))
    house.incidents.settle(authority, n, Settlement(continues=True, words="It was put otherwise."))
    house.room.resume(judge, GO_ON)
    assert standing.story().state is State.ON_RECORD
    for state in State:
        verbs = allowed(state, [Role.AUTHORITY])
        assert not verbs & {Verb.END, Verb.ADJOURN, Verb.CANCEL}, "what ends a hearing is for others"


def test_subtlety_19_silence_is_no_waiver_and_every_offer_and_answer_stays(
    house: Courthouse, tmp_path: Path
) -> None:
    standing, steps = accused(house, tmp_path)
    standing.prepared()
    authority, person = standing.actors["authority"], handle(standing, "witness")
    steps.ask(authority, NewQuestion(person=person, text="video"))
    consent = next(item for item in standing.items() if item.demand.declares == "video")
    assert (consent.settled, consent.refused) == (None, False), "asked and not answered"
    with pytest.raises(NotReady):
        house.room.go_on_record(standing.actors["judge"])
    said = {"person": person, "what": "video", "method": "spoken", "advised": "had"}
    steps.record(authority, RecordedAnswer.model_validate({**said, "answer": "no"}))
    consent = next(item for item in standing.items() if item.demand.declares == "video")
    assert (consent.settled, consent.refused) == (None, True)
    declare(standing, steps, "yes")
    told = [event.type for _, event in standing.story().consents]
    assert told == ["consent.asked", "consent.declared"] * 2
    house.room.go_on_record(standing.actors["judge"])


def test_subtlety_30_where_the_sides_swap_whoever_conducts_is_the_side_that_asks() -> None:
    """On further charges the executing State hears a person who sits in the issuing one: the rule does not care which
    of the two once issued the warrant.
    """
    known = parties.load()
    for requesting, requested in (("ES", "DE"), ("DE", "ES")):
        case = Case(Purpose.RECOGNITION, requesting, requested, parties.SNAPSHOT, "sought")
        answer = governing(case, known)
        assert answer.basis == "reg2844"
        assert requesting in str([one.values for one in answer.reasons])


def test_subtlety_34_that_a_state_is_not_bound_carries_the_day_of_the_list() -> None:
    answer = governing(Case(Purpose.EVIDENCE, "GR", "IE", parties.SNAPSHOT, "witness"), parties.load())
    lacking = [one for one in answer.reasons if one.values.get("state") in {"GR", "IE"}]
    assert lacking
    assert all(parties.SNAPSHOT.isoformat() in one.values.values() for one in lacking)
