"""Under which instrument: the rule is asked and told, a person chooses, and the choice stands from the opening on."""

from pathlib import Path

import pytest
from sqlmodel import select

from hearings.errors import AlreadyDone, NotAllowed, NotNow, NotValid
from hearings.events import InstrumentChosen
from hearings.instrument import Choice, Question
from hearings.journal import Journal
from hearings.roles import Capacity, Role, Side
from hearings.room import Adjournment
from hearings.tables import Authority, Hearing
from tests.hearings.people_of_law import Courthouse, Standing

BOTH_WISH = "Both central authorities wish to use the Convention."


@pytest.fixture
def house(journal: Journal, tmp_path: Path) -> Courthouse:
    return Courthouse(journal, tmp_path)


def chosen(standing: Standing) -> list[InstrumentChosen]:
    return [event for _, event in standing.story().choices]


def move(house: Courthouse, state: str) -> None:
    """The authority that is asked stands in another State from now on."""
    with house.journal.transaction() as tx:
        tx.get_one(Authority, house.requested).state = state


def test_the_choice_is_written_down_with_what_the_rule_answered(house: Courthouse) -> None:
    standing = house.requested_hearing(capacity="witness")
    (one,) = chosen(standing)
    assert standing.types()[:4] == [
        "hearing.opened",
        "request.received",
        "participant.named",
        "instrument.chosen",
    ]
    assert (one.instrument, one.found, one.finding, one.aim, one.capacity, one.reason) == (
        "eio",
        "eio",
        "found",
        "evidence",
        Capacity.WITNESS,
        None,
    )
    (ground,) = one.reasons
    assert ground.sentence() == (
        "Netherlands and Portugal are both bound by the Directive, which replaced the earlier conventions between "
        "them for requests received from 22 May 2017 on."
    )
    assert (ground.cited(), ground.mark) == ("Directive 2014/41/EU, Articles 34(1) and 35", "seen")
    assert standing.story().people[one.by].role is Role.COORDINATOR_REQUESTING


def test_a_declaration_is_told_with_the_state_that_made_it(house: Courthouse) -> None:
    with house.journal.transaction() as tx:
        tx.get_one(Authority, house.requesting).state = "CH"
        tx.get_one(Authority, house.requested).state = "DE"
    (one,) = chosen(house.requested_hearing(instrument="ets182", capacity="witness"))
    assert [ground.declared for ground in one.reasons if ground.declared] == ["DE"]


@pytest.mark.parametrize(
    ("state", "instrument", "capacity", "finding"),
    [
        ("PT", "ets182", "witness", "found"),  # the rule finds the Directive
        ("DK", "eu2000", "accused", "excluded"),
        ("PE", "untoc", "witness", "none"),
    ],
)
def test_who_chooses_otherwise_says_why(
    house: Courthouse, state: str, instrument: str, capacity: str, finding: str
) -> None:
    move(house, state)
    with pytest.raises(NotValid) as refused:
        house.requested_hearing(instrument=instrument, capacity=capacity)
    assert refused.value.field == "instrument_reason"
    with house.journal.reading() as tx:
        assert tx.exec(select(Hearing)).all() == []
    standing = house.requested_hearing(instrument=instrument, capacity=capacity, instrument_reason=BOTH_WISH)
    (one,) = chosen(standing)
    assert (one.instrument, one.finding, one.reason) == (instrument, finding, BOTH_WISH)
    assert one.found != instrument
    assert BOTH_WISH in one.sentence(standing.story().named)


def test_what_a_hearing_is_for_decides(house: Courthouse) -> None:
    with pytest.raises(NotValid):
        house.requested_hearing(aim="recognition", capacity="sought")
    (one,) = chosen(house.requested_hearing(instrument="reg2844", aim="recognition", capacity="sought"))
    assert (one.aim, one.found, one.alternatives) == ("recognition", "reg2844", ["eaw"])
    with pytest.raises(NotValid):
        house.requested_hearing(aim="trial", capacity="accused")


@pytest.mark.parametrize("name", ["cets224", "uncyber", "ibero", "chisinau"])
def test_what_is_off_is_refused_whatever_the_reason(house: Courthouse, name: str) -> None:
    with pytest.raises(NotValid, match="No hearing can be held under") as refused:
        house.requested_hearing(instrument=name, instrument_reason="It fits so well.")
    assert refused.value.field == "instrument"
    assert house.known[name].because in refused.value.sentence


def test_the_day_is_that_of_the_authority_asked(house: Courthouse, journal: Journal) -> None:
    answer = house.choices.find(Question(requesting=house.requesting, requested=house.requested))
    assert answer.basis == "eio"
    with pytest.raises(NotValid):
        house.choices.find(Question(requesting=house.requesting, requested=house.requesting))


def test_another_can_be_chosen_until_the_room_is_opened(house: Courthouse) -> None:
    standing = house.requested_hearing(capacity="witness").accepted().scheduled().seated()
    standing.confirmed("identity-undertaken", "interpreter-ascertained")
    assert standing.story().settled
    change = Choice(instrument="ets182", reason=BOTH_WISH)
    for who in ("witness", "authority"):
        with pytest.raises(NotAllowed):
            house.choices.choose(standing.actors[who], change)
    house.choices.choose(standing.desk, change)
    first, second = chosen(standing)
    assert (first.instrument, second.instrument, second.reason) == ("eio", "ets182", BOTH_WISH)
    assert second.capacity is Capacity.WITNESS
    fallen = {item.demand.id for item in standing.items() if item.pressed and item.settled is None}
    assert "identity-undertaken" in fallen, "it was confirmed under another article"
    with house.journal.reading() as tx:
        assert tx.get_one(Hearing, standing.id).instrument == "ets182"
    with pytest.raises(AlreadyDone):
        house.choices.choose(standing.desk, change)
    house.choices.choose(
        standing.actors["judge"], Choice(instrument="eio", reason="The States are bound by it.")
    )
    standing.opened()
    with pytest.raises(NotNow):
        house.choices.choose(standing.desk, change)


def test_an_adjournment_does_not_open_the_choice_again(house: Courthouse) -> None:
    standing = house.requested_hearing().accepted().scheduled().seated().opened()
    house.room.adjourn(standing.actors["judge"], Adjournment(reason="The witness is ill."))
    change = Choice(instrument="ets182", reason=BOTH_WISH)
    with pytest.raises(NotNow, match="adjourned"):
        house.choices.choose(standing.coordinator, change)
    standing.scheduled()
    with pytest.raises(NotNow, match="has been opened"):
        house.choices.choose(standing.coordinator, change)


def test_the_aim_may_change_alone(house: Courthouse) -> None:
    standing = house.requested_hearing().accepted()
    standing.house.choices.choose(
        standing.coordinator, Choice(instrument="eio", capacity="victim", reason="She is the victim.")
    )
    assert chosen(standing)[-1].capacity is Capacity.VICTIM
    with house.journal.reading() as tx:
        assert tx.get_one(Hearing, standing.id).capacity is Capacity.VICTIM
    assert standing.coordinator.people[0].side is Side.REQUESTING
