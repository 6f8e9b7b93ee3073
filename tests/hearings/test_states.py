"""The table, tried for every state, verb and role."""

from itertools import product

import pytest

from hearings.errors import NotAllowed, NotNow
from hearings.roles import Role
from hearings.states import ACT, SAID, TABLE, State, Verb, acting_role, after, allowed, rule

# The design's table, written a second time: from which states, by whom, to which state.
COORDINATORS = {"coordinator-requesting", "coordinator-requested"}
BEFORE = {"accepted", "scheduled", "adjourned"}
OPENED = {"open", "on-record", "examining", "suspended"}
LIVING = BEFORE | OPENED | {"requested", "ended"}
DESIGN: dict[str, tuple[set[str], set[str], str | None]] = {
    "accept": ({"requested"}, {"coordinator-requested", "authority"}, "accepted"),
    "decline": ({"requested"}, {"coordinator-requested", "authority"}, "declined"),
    "propose": (BEFORE, COORDINATORS | {"presiding"}, None),
    "schedule": (BEFORE, COORDINATORS | {"presiding"}, "scheduled"),
    "cancel": (BEFORE, COORDINATORS | {"presiding"}, "cancelled"),
    "postpone": ({"scheduled"}, COORDINATORS | {"presiding"}, "accepted"),
    "put-off": ({"scheduled"}, COORDINATORS | {"presiding"}, "adjourned"),
    "go-on-as-planned": ({"open", "suspended"}, {"presiding"}, "scheduled"),
    "acknowledge": ({"requested"}, {"coordinator-requested", "authority"}, None),
    "set-turns": (OPENED | {"scheduled"}, COORDINATORS | {"presiding", "clerk"}, None),
    "delay": (OPENED | {"scheduled"}, COORDINATORS | {"presiding", "clerk", "authority"}, None),
    "confirm-change": (
        BEFORE | OPENED | {"cancelled", "ended"},
        COORDINATORS | {"presiding", "clerk", "authority"},
        None,
    ),
    "follow-clocks": (BEFORE, {"service"}, None),
    "end-links": ({"declined", "cancelled", "closed"}, {"service"}, None),
    "open-room": ({"scheduled"}, COORDINATORS | {"clerk", "presiding", "service"}, "open"),
    "go-on-record": ({"open"}, {"presiding"}, "on-record"),
    "examine": ({"on-record"}, {"presiding"}, "examining"),
    "go-off-record": ({"on-record", "examining"}, {"presiding", "clerk"}, "open"),
    "suspend": ({"open", "on-record", "examining"}, {"presiding", "authority", "service"}, "suspended"),
    "resume": ({"suspended"}, {"presiding"}, "before"),
    "adjourn": ({"open", "suspended"}, {"presiding"}, "adjourned"),
    "end": ({"open", "suspended"}, {"presiding"}, "ended"),
    "close": ({"ended"}, {"clerk"}, "closed"),
    "choose-instrument": ({"requested", "accepted", "scheduled"}, COORDINATORS | {"presiding"}, None),
    "arrange-test": (BEFORE, COORDINATORS | {"clerk"}, None),
    "hold-test": (BEFORE | OPENED, COORDINATORS | {"clerk"}, None),
    "send": ({"closed"}, {"presiding", "clerk"}, None),
    "take-receipt": ({"closed"}, {"service"}, None),
    "hold": ({"closed"}, {"presiding", "clerk", "coordinator-requested", "authority"}, None),
    "protect": (LIVING | {"closed"}, {"presiding", "authority"}, None),
    "lift-protection": (LIVING | {"closed"}, {"presiding", "authority"}, None),
    "publish": ({"closed"}, {"service"}, None),
    "lift-hold": ({"closed"}, {"presiding", "clerk", "coordinator-requested", "authority"}, None),
    "destroy": ({"closed"}, {"presiding", "clerk"}, "destroyed"),
    "ask-consultation": (OPENED, {"heard", "lawyer", "defence"}, None),
    "decline-consultation": (OPENED, {"presiding"}, None),
    "end-consultation": (OPENED, {"presiding", "heard", "lawyer", "defence", "service"}, None),
    "intervene": (OPENED, {"authority"}, None),
    "settle": (OPENED | {"ended"}, {"authority"}, None),
    "claim": (OPENED, {"presiding", "clerk", "authority", "heard", "lawyer", "defence"}, None),
    "rule": (OPENED | {"ended"}, {"presiding", "authority"}, None),
    "object": (OPENED, {"presiding", "authority", "heard", "lawyer", "defence"}, None),
    "decide": (OPENED | {"ended"}, {"presiding"}, None),
    "identify": (OPENED, {"authority"}, None),
    "oath": ({"on-record", "examining"}, {"presiding", "authority"}, None),
    "warn": ({"on-record", "examining"}, {"presiding", "authority"}, None),
    "exhibit": ({"on-record", "examining"}, {"presiding", "clerk"}, None),
    "report": (OPENED | {"ended"}, {"presiding", "authority"}, None),
    "give-channel": (OPENED, COORDINATORS | {"presiding", "clerk"}, None),
}


@pytest.mark.parametrize("verb", [Verb(name) for name in DESIGN])
def test_every_state_and_role_of_a_verb_is_as_designed(verb: Verb) -> None:
    states, roles, to = DESIGN[verb]
    for state, role in product(State, Role):
        if state in states and role in roles:
            assert acting_role(state, verb, [role]) is role
            expected = {"before": State.EXAMINING, None: state}.get(to) or State(str(to))
            assert after(state, verb, before=State.EXAMINING) is expected
        else:
            with pytest.raises((NotAllowed, NotNow)):
                acting_role(state, verb, [role])


def test_a_consultation_suspends_what_is_on_the_record_and_nothing_else() -> None:
    leads = {
        state: after(state, Verb.CONSULT, before=State.OPEN)
        for state in State
        if Verb.CONSULT in allowed(state, [Role.PRESIDING])
    }
    assert leads == {
        State.OPEN: State.OPEN,
        State.ON_RECORD: State.SUSPENDED,
        State.EXAMINING: State.SUSPENDED,
        State.SUSPENDED: State.SUSPENDED,
    }
    others = [role for role in Role if any(Verb.CONSULT in allowed(state, [role]) for state in State)]
    assert others == [Role.PRESIDING]


@pytest.mark.parametrize(("verb", "also"), [(Verb.INTERRUPT, set()), (Verb.STOP, {State.ENDED})])
def test_the_authority_present_suspends_by_its_word_and_never_twice(verb: Verb, also: set[State]) -> None:
    leads = {
        state: after(state, verb, before=State.OPEN)
        for state in State
        if verb in allowed(state, [Role.AUTHORITY])
    }
    running = (State.OPEN, State.ON_RECORD, State.EXAMINING)
    assert leads == dict.fromkeys(running, State.SUSPENDED) | {one: one for one in {State.SUSPENDED, *also}}
    others = [role for role in Role if any(verb in allowed(state, [role]) for state in State)]
    assert others == [Role.AUTHORITY]


def test_taking_an_answer_back_suspends_what_is_on_the_record_and_nothing_else() -> None:
    before = {State.REQUESTED, State.ACCEPTED, State.SCHEDULED, State.ADJOURNED}
    leads = {
        state: after(state, Verb.REVOKE_CONSENT, before=State.OPEN)
        for state in State
        if Verb.REVOKE_CONSENT in allowed(state, [Role.HEARD])
    }
    on = {State.ON_RECORD: State.SUSPENDED, State.EXAMINING: State.SUSPENDED}
    assert leads == on | {state: state for state in before | {State.OPEN, State.SUSPENDED, State.ENDED}}


@pytest.mark.parametrize("verb", Verb)
def test_refusals_are_sentences_and_the_buttons_agree(verb: Verb) -> None:
    for state, role in product(State, Role):
        try:
            acting_role(state, verb, [role])
        except (NotAllowed, NotNow) as refusal:
            assert verb not in allowed(state, [role])
            assert str(refusal).startswith("You cannot ")
            assert str(refusal).endswith(".")
        else:
            assert verb in allowed(state, [role])
            assert rule(state, verb) is not None


def test_every_word_is_there() -> None:
    assert set(TABLE) == set(ACT) == set(Verb)
    assert set(SAID) == set(State)


def test_no_state_has_two_rules_for_a_verb() -> None:
    for verb, state in product(Verb, State):
        assert sum(state in one.states for one in TABLE[verb]) <= 1


def test_nothing_leads_out_of_an_ended_matter() -> None:
    for state in (State.DECLINED, State.CANCELLED, State.DESTROYED):
        assert allowed(state, Role) <= {Verb.END_LINKS, Verb.CONFIRM_CHANGE}
    assert not allowed(State.DESTROYED, Role)
    staying = {Verb.END_LINKS, Verb.LISTEN, Verb.TAKE_ALONG, Verb.HOLD, Verb.LIFT_HOLD}
    staying |= {Verb.ASK_UNSEALING, Verb.ANSWER_UNSEALING, Verb.PROTECT, Verb.LIFT_PROTECTION, Verb.PUBLISH}
    staying |= {Verb.ASK_UNSEALING, Verb.ANSWER_UNSEALING, Verb.SEND, Verb.TAKE_RECEIPT}
    assert allowed(State.CLOSED, Role) == {*staying, Verb.DESTROY}
    for verb in staying:
        assert after(State.CLOSED, verb, before=State.CLOSED) is State.CLOSED


def test_of_several_roles_the_one_that_may_acts() -> None:
    assert acting_role(State.OPEN, Verb.SUSPEND, [Role.HEARD, Role.AUTHORITY]) is Role.AUTHORITY
