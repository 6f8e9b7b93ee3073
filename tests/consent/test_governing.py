"""Which instrument governs: a table written from what the instruments and lists say, and what holds for every case."""

from datetime import date
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent import instruments, parties
from consent.governing import Case, Finding, Purpose, governing
from consent.parties import Mark, Standing

KNOWN = parties.load()
TODAY = date(2026, 11, 23)
E, T, R, X = Purpose.EVIDENCE, Purpose.TRIAL, Purpose.RECOGNITION, Purpose.EXTRADITION
WITNESS, EXPERT, VICTIM = "witness", "expert", "victim"
SUSPECT, ACCUSED, SOUGHT = "suspect", "accused", "sought"

# purpose, requesting, requested, capacity, day (None: today), what governs or why nothing does
TABLE = [
    (E, "ES", "FR", WITNESS, None, "eio"),
    (E, "ES", "FR", EXPERT, None, "eio"),
    (E, "ES", "FR", VICTIM, None, "eio"),
    (E, "ES", "FR", SUSPECT, None, "eio"),
    (E, "ES", "FR", ACCUSED, None, "eio"),
    (E, "GR", "HR", WITNESS, None, "eio"),
    (E, "NL", "DE", ACCUSED, None, "eio"),  # declarations on the conventions count no more
    (E, "ES", "FR", WITNESS, date(2017, 5, 21), "eu2000"),  # a request of the last day before
    (E, "ES", "FR", WITNESS, date(2017, 5, 22), "eio"),
    (E, "ES", "IE", WITNESS, None, "eu2000"),
    (E, "IE", "ES", ACCUSED, None, "eu2000"),
    (E, "ES", "IE", SUSPECT, None, "ets182"),  # the convention of 2000 names the accused alone
    (E, "ES", "IE", WITNESS, date(2019, 1, 1), "ets182"),  # Ireland joined the convention of 2000 in 2020
    (E, "DK", "SE", WITNESS, None, "eu2000"),
    (E, "DK", "SE", ACCUSED, None, "eu2000"),
    (E, "SE", "DK", SUSPECT, None, "ets182"),  # Denmark's declaration is on the accused
    (
        E,
        "NL",
        "IE",
        ACCUSED,
        None,
        "ets182",
    ),  # the Netherlands does not use the convention of 2000 for the accused
    (E, "NL", "IE", WITNESS, None, "eu2000"),
    (E, "NL", "DK", ACCUSED, None, Finding.EXCLUDED),  # nor Denmark the protocol
    (E, "HR", "IE", WITNESS, None, "ets182"),
    (E, "DK", "HR", WITNESS, None, "ets182"),
    (E, "GR", "IE", WITNESS, None, Finding.NONE),
    (E, "GR", "DK", WITNESS, None, Finding.NONE),
    (E, "DK", "GR", ACCUSED, None, Finding.NONE),
    (E, "CH", "DE", WITNESS, None, "ets182"),
    (E, "DE", "CH", WITNESS, None, "ets182"),
    (E, "GB", "MT", SUSPECT, None, Finding.EXCLUDED),
    (E, "GB", "MT", WITNESS, None, "ets182"),
    (E, "MT", "GB", ACCUSED, None, Finding.EXCLUDED),
    (
        E,
        "GB",
        "FR",
        ACCUSED,
        None,
        "ets182",
    ),  # that it is listed under the convention of 2000 still is not relied on
    (E, "GB", "FR", WITNESS, date(2010, 9, 30), Finding.NONE),
    (E, "NO", "CH", WITNESS, None, "ets182"),
    (E, "IS", "DE", WITNESS, None, "eu2000-isno"),
    (E, "NO", "DE", WITNESS, None, "eu2000-isno"),
    (E, "IS", "CH", WITNESS, None, Finding.NONE),  # Iceland has signed the protocol, and no more
    (E, "IS", "NO", WITNESS, None, Finding.NONE),
    (E, "RU", "TR", WITNESS, date(2019, 12, 31), Finding.NONE),
    (E, "RU", "TR", WITNESS, date(2020, 1, 1), "ets182"),
    (E, "CL", "ES", WITNESS, None, "ets182"),
    (E, "AZ", "GE", WITNESS, None, Finding.NONE),  # Azerbaijan's day was not read
    (E, "RS", "JP", WITNESS, None, Finding.NONE),  # three of five ratifications
    (E, "US", "FR", WITNESS, None, "eu-us"),
    (E, "US", "FR", ACCUSED, None, Finding.EXCLUDED),
    (E, "US", "CH", WITNESS, None, Finding.NONE),
    (E, "ES", "PY", WITNESS, None, Finding.NONE),
    (E, "ES", "FR", None, None, "eio"),
    (E, "ES", "FR", SOUGHT, None, Finding.EXCLUDED),  # who is sought is heard on surrender
    (E, "CH", "DE", VICTIM, None, "ets182"),
    (E, "IS", "NL", WITNESS, None, "eu2000-isno"),
    (
        E,
        "IS",
        "NL",
        ACCUSED,
        None,
        Finding.EXCLUDED,
    ),  # what the Netherlands declared goes with the Convention
    (E, "NL", "NO", ACCUSED, None, "ets182"),
    (E, "IS", "DE", SUSPECT, None, Finding.EXCLUDED),
    (E, "NO", "DE", SUSPECT, None, "ets182"),
    (E, "JP", "FR", WITNESS, None, Finding.NONE),
    (E, "CL", "PE", ACCUSED, None, Finding.NONE),
    (T, "ES", "FR", ACCUSED, None, Finding.UNSETTLED),
    (T, "ES", "FR", None, None, Finding.UNSETTLED),
    (T, "ES", "FR", WITNESS, None, Finding.EXCLUDED),  # a witness gives evidence
    (T, "CH", "DE", ACCUSED, None, Finding.UNSETTLED),
    (R, "ES", "DE", SOUGHT, None, "reg2844"),
    (R, "ES", "DE", SOUGHT, date(2025, 4, 30), "eaw"),
    (R, "ES", "DE", SOUGHT, date(2025, 5, 1), "reg2844"),
    (R, "ES", "IE", SOUGHT, None, "eaw"),
    (R, "DK", "SE", SOUGHT, None, "eaw"),
    (R, "ES", "DE", WITNESS, None, Finding.EXCLUDED),
    (R, "ES", "DE", ACCUSED, None, "reg2844"),
    (R, "ES", "IE", ACCUSED, None, Finding.NONE),
    (R, "ES", "GB", SOUGHT, None, Finding.NONE),
    (R, "ES", "DE", None, None, "reg2844"),
    (R, "CL", "PE", WITNESS, None, Finding.EXCLUDED),
    (R, "GB", "IE", SOUGHT, None, Finding.NONE),
    (X, "AT", "DE", SOUGHT, None, Finding.EXCLUDED),  # surrender takes the place of extradition
    (X, "AZ", "CY", SOUGHT, None, Finding.NONE),
    (X, "GB", "DE", SOUGHT, None, Finding.NONE),
    (X, "CL", "PE", SOUGHT, None, Finding.NONE),
]


@pytest.mark.parametrize(("purpose", "requesting", "requested", "capacity", "on", "expected"), TABLE)
def test_what_governs(purpose, requesting, requested, capacity, on, expected):
    answer = governing(Case(purpose, requesting, requested, on or TODAY, capacity), KNOWN)
    assert (answer.basis or answer.finding) == expected, answer
    assert answer.reasons


def case(*what: str | None) -> Case:
    requesting, requested, capacity = what
    return Case(E, requesting, requested, TODAY, capacity)


def test_a_declaration_of_who_is_asked_is_told_with_the_answer():
    answer = governing(case("CH", "DE", WITNESS), KNOWN)
    (declared,) = answer.declarations
    assert (declared.state, declared.article, declared.effect) == ("DE", "Article 9(2)", "voluntary")
    assert governing(case("CH", "DE", VICTIM), KNOWN).declarations == (declared,), "who is heard as a witness"
    assert governing(case("DE", "CH", WITNESS), KNOWN).declarations == (), "nobody in Germany is heard"


def test_the_other_convention_is_an_alternative_and_the_directive_has_none():
    assert governing(case("ES", "IE", WITNESS), KNOWN).alternatives == ("ets182",)
    assert governing(case("ES", "FR", WITNESS), KNOWN).alternatives == ()


def test_that_a_state_is_not_bound_carries_where_and_when_it_was_read():
    reasons = governing(case("GR", "IE", WITNESS), KNOWN).reasons
    not_bound = next(one for one in reasons if one.values.get("state") == "IE" and "not bind" in one.words)
    assert "recital 44" in not_bound.values["source"]
    assert not_bound.values["read"] == "2026-11-23"
    assert (not_bound.instrument, not_bound.mark) == ("eio", Mark.SEEN)
    signed = [one for one in reasons if one.values.get("state") == "GR"]
    assert all(one.values["read"] == "2026-11-23" for one in signed)
    assert len(signed) == 2, "of two instruments"


def test_what_is_not_known_is_not_taken_for_not_bound():
    reasons = governing(case("JP", "BR", WITNESS), KNOWN).reasons
    unknown = [one for one in reasons if "to be checked" in one.words and "state" in one.values]
    assert {one.values["state"] for one in unknown} == {"JP", "BR"}
    assert KNOWN.standing("ets182", "BR", TODAY) is Standing.UNKNOWN


def test_a_signature_binds_nobody():
    for instrument, state in (("ets182", "IS"), ("ets182", "GR"), ("eu2000", "GR"), ("cets224", "JP")):
        assert KNOWN.standing(instrument, state, TODAY) is Standing.NOT_YET


STATES = sorted({state for _, state in KNOWN.lines} | {"US", "JP", "BR"})
CASES = st.builds(
    Case,
    purpose=st.sampled_from(Purpose),
    requesting=st.sampled_from(STATES),
    requested=st.sampled_from(STATES),
    on=st.dates(date(2000, 1, 1), date(2030, 1, 1)),
    capacity=st.sampled_from([WITNESS, EXPERT, VICTIM, SUSPECT, ACCUSED, SOUGHT, None]),
)
INSTRUMENTS = instruments.load()


@given(CASES)
def test_what_governs_binds_both_on_the_day_and_every_answer_says_why(case):
    answer = governing(case, KNOWN)
    assert answer.reasons
    assert (answer.basis is not None) == (answer.finding is Finding.FOUND)
    if answer.basis in {"eio", "eu2000", "ets182", "reg2844", "eaw"}:
        assert KNOWN.both(answer.basis, case.states, case.on)
    assert answer.basis not in answer.alternatives
    assert {one.declared for one in answer.reasons} - {""} <= set(case.states)
    for reason in answer.reasons:
        assert {name for _, name, _, _ in Formatter().parse(reason.words) if name} == set(reason.values)
        assert reason.instrument in {"", *INSTRUMENTS}
        assert reason.mark is not Mark.UNVERIFIED or "to be checked" in reason.words


@given(CASES)
def test_what_governs_can_be_chosen_and_covers_the_person(case):
    answer = governing(case, KNOWN)
    named = [*answer.alternatives, *([answer.basis] if answer.basis else [])]
    assert all(INSTRUMENTS[name].usable for name in named)
    if case.purpose is not T:
        assert all(case.capacity in {None, *INSTRUMENTS[name].covers} for name in named), answer


def test_the_conventions_of_the_united_nations_are_for_witnesses():
    assert governing(case("CL", "PE", WITNESS), KNOWN).alternatives == ("untoc", "uncac")
    accused = governing(case("CL", "PE", ACCUSED), KNOWN)
    assert accused.alternatives == ()
    assert any("as other assistance" in one.words for one in accused.reasons)


def test_at_a_trial_only_what_could_take_evidence_is_an_alternative():
    assert governing(Case(T, "ES", "FR", TODAY, ACCUSED), KNOWN).alternatives == ("eio",)
    assert governing(Case(T, "CL", "PE", TODAY, None), KNOWN).alternatives == ()
    excluded = governing(Case(T, "GB", "MT", TODAY, ACCUSED), KNOWN)
    assert [one.state for one in excluded.declarations] == ["MT"]


def test_a_victim_is_told_to_be_a_witness():
    for answer in (governing(case("ES", "FR", VICTIM), KNOWN), governing(case("CH", "DE", VICTIM), KNOWN)):
        assert "as a witness" in answer.reasons[0].words


def test_what_a_state_may_have_declared_on_the_accused_is_to_be_checked():
    def unread(*what):
        return [
            one.values["state"]
            for one in governing(case(*what), KNOWN).reasons
            if "declared anything" in one.words
        ]

    assert unread("GB", "FR", ACCUSED) == ["GB", "FR"]
    assert unread("GB", "DE", ACCUSED) == ["GB"], "what Germany declared was read"
    assert unread("GB", "FR", WITNESS) == []


def test_what_is_not_in_force_or_not_verified_is_named_and_not_relied_on():
    for one, other, instrument in (("RS", "JP", "cets224"), ("ES", "PY", "ibero"), ("BY", "KZ", "chisinau")):
        answer = governing(case(one, other, WITNESS), KNOWN)
        assert instrument in {reason.instrument for reason in answer.reasons}
        assert instrument not in answer.alternatives
        assert not INSTRUMENTS[instrument].usable


def test_surrender_with_the_united_kingdom_is_not_that_of_the_union():
    answer = governing(Case(R, "ES", "GB", TODAY, SOUGHT), KNOWN)
    assert (answer.finding, answer.alternatives) == (Finding.NONE, ("eu-uk",))
    assert governing(Case(R, "ES", "GB", date(2020, 6, 1), SOUGHT), KNOWN).alternatives == ()


@given(CASES)
def test_nothing_unverified_is_relied_on(case):
    without = {key: line for key, line in KNOWN.lines.items() if line.status != "unverified"}
    bare = parties.Parties(without, KNOWN.declarations)
    one, other = governing(case, KNOWN), governing(case, bare)
    assert (one.finding, one.basis, one.alternatives) == (other.finding, other.basis, other.alternatives)


@given(CASES)
def test_which_of_two_states_asks_changes_no_instrument_but_for_declarations(case):
    turned = Case(case.purpose, case.requested, case.requesting, case.on, case.capacity)
    assert governing(case, KNOWN).basis == governing(turned, KNOWN).basis
