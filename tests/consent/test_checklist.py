"""What is demanded of a hearing: a table written from what the instruments say, and what holds for every hearing."""

import dataclasses
import time
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent import items
from consent.checklist import Demand, Facts, Heard, Proof, Stage, demands, load, stands
from consent.governing import Case, Finding, Purpose, governing
from consent.parties import Mark
from hearings.roles import Capacity, Role

LAW = load()
TODAY = date(2026, 11, 23)

# What blocks, by what the instruments and the good practice say. Two words a line of the digest.

ALWAYS = {
    # good practice wherever no instrument demands it
    "basis-chosen",
    "contacts-named",
    "equipment-available",
    "test-passed",
    "connection-secured",
    "picture-framed",
    "time-fixed",
    "recording-decided",
    "loss-of-link-agreed",
    "data-rules-set",
    "interpreter-ascertained",
    "presiding-in-chair",
    "identity-established",
    "people-announced",
    "all-see-and-hear",
    "recording-announced",
    "room-safe",
    "free-of-pressure",
    "minutes-drawn",
    "minutes-signed",
    "technical-sheet",
}
WITNESS = {"silence-informed", "rights-recalled"}
DEFENDANT = {
    "counsel-consent",
    "advice-before-consent",
    "lawyer-arranged",
    "video-justified",
    "private-channel",
    "consent-verified",
    "counsel-present",
    "private-talk-held",
}
ACCUSED = DEFENDANT | {"rights-recalled"}
UNION_ACCUSED = ACCUSED | {"counsel-informed", "lawyer-noted", "rights-noted", "remedies-told"}
"""A State of the Union that is bound by all the directives on rights takes part."""
ISLAND_ACCUSED = ACCUSED | {"counsel-informed", "rights-noted"}
"""Ireland with a State outside the Union: the directives on information and interpretation alone."""

ASSISTANCE = {
    # common to the three European instruments on taking evidence
    "both-bound",
    "request-complete",
    "conductors-named",
    "sent-traceably",
    "language-accepted",
    "requested-agrees",
    "principles-respected",
    "identity-undertaken",
    "summoned",
    "authority-present",
}
EIO = ALWAYS | ASSISTANCE | {"order-proportionate", "remedies-told"}
ETS182 = EU2000 = ALWAYS | ASSISTANCE
HEARD_WITNESS = WITNESS | {"reason-for-video", "warning-requested"}
REG2844 = ALWAYS | {"both-bound", "requested-agrees", "remedies-told"}
SOUGHT = DEFENDANT | {
    "second-lawyer",
    "letter-of-rights",
    "surrender-options-told",
    "designated-person",
    "lawyer-noted",
    "rights-noted",
}
EAW = ALWAYS | {"both-bound", "requested-agrees"}
UN = ALWAYS | {
    "request-complete",
    "conductors-named",
    "sent-traceably",
    "oral-confirmed",
    "language-accepted",
    "requested-agrees",
    "principles-respected",
}
UN_WITNESS = WITNESS | {"reason-for-video", "conduct-agreed"}

E, T, R, X = Purpose.EVIDENCE, Purpose.TRIAL, Purpose.RECOGNITION, Purpose.EXTRADITION


@dataclasses.dataclass(frozen=True)
class Row:
    """A hearing, what governs it, what is chosen where nothing does, and what then blocks."""

    aim: Purpose
    requesting: str
    requested: str
    heard: str
    governs: str
    blocks: set[str]
    on: date = TODAY
    chosen: str | None = None
    hearing: tuple[str, ...] = ()


EXCLUDED, NONE, UNSETTLED = Finding.EXCLUDED, Finding.NONE, Finding.UNSETTLED

TABLE = [
    # the Directive on the investigation order
    Row(E, "ES", "FR", "witness", "eio", EIO | HEARD_WITNESS),
    Row(E, "ES", "FR", "expert", "eio", EIO | HEARD_WITNESS),
    Row(E, "ES", "FR", "victim", "eio", EIO | HEARD_WITNESS | {"victim-supported"}),
    Row(E, "ES", "FR", "accused", "eio", EIO | UNION_ACCUSED),
    Row(E, "ES", "FR", "suspect", "eio", EIO | UNION_ACCUSED),
    Row(E, "NL", "DE", "accused", "eio", EIO | UNION_ACCUSED),
    Row(E, "GR", "HR", "witness", "eio", EIO | HEARD_WITNESS),
    Row(
        E,
        "ES",
        "FR",
        "witness protected",
        "eio",
        EIO | HEARD_WITNESS | {"protection-agreed", "protected-left-out"},
    ),
    Row(
        E,
        "ES",
        "FR",
        "witness interpreter",
        "eio",
        EIO | HEARD_WITNESS | {"interpreter-named", "interpreter-ready"},
    ),
    Row(
        E,
        "ES",
        "FR",
        "accused interpreter",
        "eio",
        EIO
        | UNION_ACCUSED
        | {"interpreter-named", "interpreter-ready", "documents-translated", "interpreter-noted"},
    ),
    Row(E, "ES", "FR", "suspect custody", "eio", EIO | UNION_ACCUSED | {"letter-of-rights"}),
    Row(
        E,
        "ES",
        "FR",
        "suspect child",
        "eio",
        EIO | UNION_ACCUSED | {"child-accompanied", "child-closed", "child-noted"},
    ),
    Row(E, "ES", "FR", "witness child", "eio", EIO | HEARD_WITNESS | {"child-accompanied", "child-closed"}),
    Row(E, "ES", "FR", "witness needs", "eio", EIO | HEARD_WITNESS | {"needs-provided"}),
    Row(E, "ES", "FR", "witness", "eio", EIO | HEARD_WITNESS | {"oath-taken"}, hearing=("oath",)),
    Row(
        E,
        "ES",
        "FR",
        "witness",
        "eio",
        (EIO | HEARD_WITNESS | {"telephone-last"}) - {"picture-framed"},
        hearing=("telephone",),
    ),
    Row(
        E,
        "ES",
        "FR",
        "accused",
        "eio",
        (EIO | UNION_ACCUSED | {"telephone-last", "telephone-barred"}) - {"picture-framed"},
        hearing=("telephone",),
    ),
    Row(T, "ES", "FR", "accused", UNSETTLED, EIO | UNION_ACCUSED | {"evidence-alone"}, chosen="eio"),
    Row(
        E,
        "NL",
        "FR",
        "suspect child",
        "eio",
        EIO | UNION_ACCUSED | {"child-accompanied", "child-closed", "child-noted"},
    ),
    Row(
        E,
        "NL",
        "FR",
        "suspect child",
        "eio",
        EIO
        | UNION_ACCUSED
        | {"child-accompanied", "child-closed", "child-noted", "child-barred", "case-not-left-out"},
        on=date(2020, 3, 24),
    ),
    Row(
        E,
        "FR",
        "NL",
        "suspect child",
        "eio",
        EIO | UNION_ACCUSED | {"child-accompanied", "child-closed", "child-noted"},
        on=date(2020, 3, 24),
    ),
    # the conventions of the Union and the Second Additional Protocol
    Row(E, "ES", "FR", "witness", "eu2000", EU2000 | HEARD_WITNESS, on=date(2017, 5, 21)),
    Row(E, "ES", "IE", "witness", "eu2000", EU2000 | HEARD_WITNESS | {"oath-noted"}),
    Row(E, "IE", "ES", "witness", "eu2000", EU2000 | HEARD_WITNESS),
    Row(E, "IE", "ES", "accused", "eu2000", EU2000 | UNION_ACCUSED | {"defendant-agreed"}),
    Row(E, "DK", "SE", "accused", "eu2000", EU2000 | UNION_ACCUSED | {"defendant-agreed"}),
    Row(E, "ES", "IE", "suspect", "ets182", ETS182 | UNION_ACCUSED | {"defendant-agreed"}),
    Row(
        E,
        "ES",
        "IE",
        "suspect",
        "ets182",
        (EU2000 | UNION_ACCUSED | {"capacity-covered"}),
        chosen="eu2000",
    ),
    Row(E, "HR", "IE", "witness", "ets182", ETS182 | HEARD_WITNESS | {"oath-noted"}),
    Row(E, "CH", "DE", "witness", "ets182", ETS182 | HEARD_WITNESS | {"voluntary-told"}),
    Row(E, "CH", "DE", "victim", "ets182", ETS182 | HEARD_WITNESS | {"voluntary-told", "victim-supported"}),
    Row(E, "DE", "CH", "witness", "ets182", ETS182 | HEARD_WITNESS),
    Row(E, "CH", "NO", "witness", "ets182", ETS182 | HEARD_WITNESS),
    Row(E, "CH", "NO", "accused", "ets182", ETS182 | ACCUSED | {"defendant-agreed"}),
    Row(E, "IE", "CH", "suspect", "ets182", ETS182 | ISLAND_ACCUSED | {"defendant-agreed"}),
    Row(E, "CH", "NO", "suspect custody", "ets182", ETS182 | ACCUSED | {"defendant-agreed"}),
    Row(
        E,
        "CH",
        "NO",
        "witness",
        "ets182",
        ETS182 | HEARD_WITNESS | {"oath-requested", "oath-arranged", "oath-taken"},
        hearing=("oath",),
    ),
    Row(
        E,
        "CH",
        "NO",
        "witness",
        "ets182",
        (ETS182 | HEARD_WITNESS | {"telephone-consent"}) - {"picture-framed", "reason-for-video"},
        hearing=("telephone",),
    ),
    Row(
        E,
        "ES",
        "IE",
        "witness",
        "eu2000",
        (EU2000 | HEARD_WITNESS | {"telephone-consent", "telephone-consent-asked", "oath-noted"})
        - {"picture-framed", "reason-for-video"},
        hearing=("telephone",),
    ),
    Row(
        E,
        "GB",
        "MT",
        "suspect",
        EXCLUDED,
        ETS182 | UNION_ACCUSED | {"defendant-agreed", "declared-excluded"},
        chosen="ets182",
    ),
    Row(E, "GB", "MT", "witness", "ets182", ETS182 | HEARD_WITNESS),
    Row(E, "IS", "DE", "witness", "eu2000-isno", EU2000 | HEARD_WITNESS),
    # the default codes of the United Nations, and none
    Row(
        E,
        "GR",
        "DK",
        "witness",
        NONE,
        UN | UN_WITNESS | {"warning-requested", "oath-arranged", "authority-present"},
        chosen="untoc",
    ),
    Row(E, "RS", "JP", "witness", NONE, UN | UN_WITNESS, chosen="uncac"),
    Row(E, "RS", "JP", "accused", NONE, UN | ACCUSED | {"defendant-agreed"}, chosen="uncac"),
    Row(E, "RS", "JP", "witness", NONE, ALWAYS | WITNESS, chosen="cets224"),  # not in force
    Row(E, "GR", "IE", "witness", NONE, ALWAYS | WITNESS | {"oath-noted"}, chosen="none"),
    # the agreement with the United States
    Row(E, "US", "FR", "witness", "eu-us", ALWAYS | WITNESS | {"warning-requested"}),
    Row(E, "US", "FR", "accused", EXCLUDED, ALWAYS | UNION_ACCUSED | {"defendant-agreed"}, chosen="eu-us"),
    # surrender and recognition
    Row(R, "ES", "DE", "sought", "reg2844", REG2844 | SOUGHT | {"consent-noted"}, hearing=("surrender",)),
    Row(
        R,
        "ES",
        "DE",
        "sought child",
        "reg2844",
        REG2844 | SOUGHT | {"consent-noted"} | {"child-accompanied", "child-closed", "child-noted"},
        hearing=("surrender",),
    ),
    Row(R, "ES", "DE", "accused", "reg2844", REG2844 | UNION_ACCUSED | {"consent-noted"}),
    Row(R, "ES", "DE", "witness", EXCLUDED, REG2844 | WITNESS | {"capacity-covered"}, chosen="reg2844"),
    Row(
        R,
        "ES",
        "DE",
        "accused",
        "reg2844",
        (REG2844 | UNION_ACCUSED | {"consent-noted"} | {"telephone-barred"}) - {"picture-framed"},
        hearing=("telephone",),
    ),
    Row(R, "ES", "IE", "sought", "eaw", EAW | SOUGHT | {"remedies-told"}, hearing=("surrender",)),
    Row(
        R,
        "ES",
        "DE",
        "sought",
        "eaw",
        EAW | SOUGHT | {"remedies-told"},
        on=date(2025, 4, 30),
        hearing=("surrender",),
    ),
    Row(
        X,
        "AZ",
        "DE",
        "sought",
        NONE,
        ALWAYS | DEFENDANT | {"sent-traceably", "surrender-options-told"},
        chosen="cets209",
    ),
]


def person(what: str, handle: str = "aaaaaaaa") -> Heard:
    capacity, *so = what.split()
    return Heard(handle, capacity, **dict.fromkeys(so, True))


def facts_of(row: Row, instrument: str) -> Facts:
    return Facts(
        row.aim,
        instrument,
        row.requesting,
        row.requested,
        row.on,
        (person(row.heard),),
        **dict.fromkeys(row.hearing, True),
    )


def named(row: Row) -> str:
    return "-".join(
        (row.aim, row.requesting, row.requested, *row.heard.split(), *row.hearing, row.on.isoformat())
    )


@pytest.mark.parametrize("row", TABLE, ids=named)
def test_what_blocks(row):
    answer = governing(
        Case(row.aim, row.requesting, row.requested, row.on, row.heard.split()[0]), LAW.parties
    )
    assert (answer.basis or answer.finding) == row.governs
    found = demands(facts_of(row, row.chosen or answer.basis), LAW)
    assert {one.id for one in found if one.blocks} == row.blocks


# --- what holds for every hearing

STATES = sorted({state for _, state in LAW.parties.lines} - {"EU"} | {"US", "JP", "BR", "PE"})
CITED = {basis.of for item in LAW.items for basis in item.basis} - set(LAW.sources)
INSTRUMENTS = sorted({*CITED, "eu2000-isno", "none"})
PEOPLE = st.builds(
    Heard,
    handle=st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=8, max_size=8),
    capacity=st.sampled_from(list(Capacity)).map(str),
    child=st.booleans(),
    custody=st.booleans(),
    protected=st.booleans(),
    needs=st.booleans(),
    interpreter=st.booleans(),
)
HEARINGS = st.builds(
    Facts,
    aim=st.sampled_from(list(Purpose)).map(str),
    instrument=st.sampled_from(INSTRUMENTS),
    requesting=st.sampled_from(STATES),
    requested=st.sampled_from(STATES),
    on=st.dates(date(2004, 1, 1), date(2030, 1, 1)),
    heard=st.lists(PEOPLE, max_size=3, unique_by=lambda one: one.handle).map(tuple),
    telephone=st.booleans(),
    oath=st.booleans(),
    surrender=st.booleans(),
)
FEW = settings(max_examples=40)
OF_HEARING = ("telephone", "oath", "surrender")
OF_PERSON = ("child", "custody", "protected", "needs", "interpreter")


def keys(found: tuple[Demand, ...]) -> set[tuple[str, str | None]]:
    return {(one.id, one.person) for one in found}


@FEW
@given(HEARINGS, st.sampled_from(OF_HEARING))
def test_more_that_is_known_of_the_hearing_takes_no_item_away(facts, fact):
    more = dataclasses.replace(facts, **{fact: True})
    assert keys(demands(facts, LAW)) <= keys(demands(more, LAW))


@FEW
@given(HEARINGS.filter(lambda facts: facts.heard), st.sampled_from(OF_PERSON))
def test_more_that_is_known_of_a_person_takes_no_item_away(facts, fact):
    first, *others = facts.heard
    more = dataclasses.replace(facts, heard=(dataclasses.replace(first, **{fact: True}), *others))
    assert keys(demands(facts, LAW)) <= keys(demands(more, LAW))


@FEW
@given(HEARINGS, PEOPLE)
def test_who_else_is_heard_changes_no_item_of_a_person_and_takes_none_away(facts, other):
    facts = dataclasses.replace(facts, heard=tuple(one for one in facts.heard if one.handle != other.handle))
    more = dataclasses.replace(facts, heard=(*facts.heard, other))
    before, after = demands(facts, LAW), demands(more, LAW)
    assert keys(before) <= keys(after)
    assert [one for one in before if one.person] == [
        one for one in after if one.person and one.person != other.handle
    ]


@FEW
@given(HEARINGS)
def test_every_demand_says_what_who_and_by_what(facts):
    handles = {one.handle for one in facts.heard}
    for one in demands(facts, LAW):
        assert one.words.endswith(".")
        assert one.source
        assert one.article
        assert {*one.by, *one.override} <= {str(role) for role in Role}
        assert one.by or (one.blocks and not one.override), "what nobody settles stands in the way"
        assert one.mark in {Mark.SEEN, Mark.SEEN_IN_PART, Mark.RECALLED, "practice"}
        assert one.duty == (one.mark != "practice")
        assert one.person is None or one.person in handles
        assert (one.declares is not None) == (one.proof is Proof.DECLARATION)


@FEW
@given(HEARINGS)
def test_no_item_is_demanded_twice_and_the_stages_are_in_order(facts):
    found = demands(facts, LAW)
    assert len(keys(found)) == len(found)
    order = [list(Stage).index(one.stage) for one in found]
    assert order == sorted(order)


@FEW
@given(HEARINGS)
def test_what_is_in_the_way_by_good_practice_alone_is_for_the_presiding_judge_to_pass(facts):
    for one in demands(facts, LAW):
        if not one.duty and one.blocks:
            assert "presiding" in one.override, one


PRACTICE = {source.short for source in LAW.sources.values() if source.kind == "practice"}


@FEW
@given(HEARINGS)
def test_good_practice_cites_no_instrument_and_a_duty_cites_no_good_practice(facts):
    for one in demands(facts, LAW):
        assert (one.source in PRACTICE) == (not one.duty)
        if not one.duty:
            assert "Article" not in one.article


@FEW
@given(HEARINGS, st.data())
def test_the_order_of_the_people_is_the_order_within_an_item(facts, data):
    turned = dataclasses.replace(facts, heard=tuple(data.draw(st.permutations(facts.heard))))
    assert set(demands(facts, LAW)) == set(demands(turned, LAW))


# --- the data


def test_every_row_of_the_digest_has_an_item():
    rows = {f"R{n}" for n in range(1, 18)} | {f"B{n}" for n in range(1, 41)} | {"B8a", "B19a"}
    rows |= {f"O{n}" for n in range(1, 18)} | {f"C{n}" for n in range(1, 6)} | {f"A{n}" for n in range(1, 8)}
    assert {item.row for item in LAW.items} == rows


def test_ids_are_unique_and_every_basis_is_known():
    assert len({item.id for item in LAW.items}) == len(LAW.items)
    known = {instrument for instrument, _ in LAW.parties.lines} | set(LAW.sources)
    known |= {"untoc", "uncac", "eu-us", "eu-uk"}  # of these no list of parties was read
    assert {basis.of for item in LAW.items for basis in item.basis} <= known


def test_what_the_service_sees_is_what_the_documentation_lists():
    from consent import checklist

    told = {line.split()[0] for line in checklist.__doc__.splitlines() if line.startswith("    ")}
    assert told == {item.id for item in LAW.items if item.proof is Proof.LOG and not item.forbids}


def test_what_is_not_verified_is_carried_and_demands_nothing():
    carried = [basis for item in LAW.items for basis in item.basis if basis.mark is Mark.UNVERIFIED]
    assert {basis.of for basis in carried} >= {"uncyber", "cets224", "ibero"}
    for instrument in ("uncyber", "cets224"):
        found = demands(evidence("RS", "JP", "witness", instrument=instrument), LAW)
        assert found
        assert not [one for one in found if one.duty]


def test_data_that_do_not_hold_together_are_refused():
    item = next(one for one in LAW.items if one.id == "test-passed")
    for change in (
        {"by": ()},
        {"proof": "declaration"},
        {"basis": [{"of": "eio", "article": "Article 1", "subjects": ["witness"]}]},
        {"when": ["tall"]},
    ):
        with pytest.raises(ValueError):
            items.Item(**(item.model_dump() | change))


# --- confirmations


def evidence(requesting: str, requested: str, *heard: str, instrument: str, **more: object) -> Facts:
    people = tuple(person(what, f"aaaaaaa{'abcdefgh'[n]}") for n, what in enumerate(heard))
    return Facts("evidence", instrument, requesting, requested, more.pop("on", TODAY), people, **more)


def the(found: tuple[Demand, ...], name: str, person: str | None = None) -> Demand:
    (one,) = (one for one in found if one.id == name and person in {None, one.person})
    return one


def ids(found: tuple[Demand, ...]) -> set[str]:
    return {one.id for one in found}


def test_what_was_confirmed_stands_on_the_same_basis_falls_on_another_and_stands_again():
    eio = the(demands(evidence("ES", "FR", "witness", instrument="eio"), LAW), "identity-established")
    old = the(demands(evidence("ES", "FR", "witness", instrument="eu2000"), LAW), "identity-established")
    told = (eio.id, eio.cited)
    assert told == ("identity-established", "Directive 2014/41/EU, Article 24(5)(a)")
    assert stands(told, eio)
    assert not stands(told, old), "it was said of another rule"
    assert stands(told, the(demands(evidence("ES", "FR", "witness", instrument="eio"), LAW), eio.id))


@FEW
@given(HEARINGS, PEOPLE)
def test_a_confirmation_for_one_person_stands_whoever_else_is_heard(facts, other):
    facts = dataclasses.replace(facts, heard=tuple(one for one in facts.heard if one.handle != other.handle))
    more = dataclasses.replace(facts, heard=(*facts.heard, other))
    told = {(one.id, one.person): (one.id, one.cited) for one in demands(facts, LAW) if one.person}
    for one in demands(more, LAW):
        if (one.id, one.person) in told:
            assert stands(told[one.id, one.person], one)


# --- what would be got wrong


def test_subtlety_01_consent_is_not_one_rule():
    def consent(instrument, aim=E, requested="NO"):
        found = demands(
            dataclasses.replace(evidence("CH", requested, "accused", instrument=instrument), aim=aim), LAW
        )
        return the(found, "counsel-consent")

    for instrument in ("ets182", "eu2000"):
        assert consent(instrument).blocks
        assert consent(instrument).override == ()
    assert consent("eio").override == ("authority",), (
        "its absence permits to refuse, and who may refuse decides"
    )
    assert consent("reg2844", R).override == ("presiding",), "one narrow exception"
    for instrument in ("untoc", "uncac"):
        assert not consent(instrument).duty, "the accused is not covered"
        assert (
            "own law"
            in the(
                demands(evidence("CH", "NO", "accused", instrument=instrument), LAW), "defendant-agreed"
            ).words
        )


def test_subtlety_02_consent_to_the_link_is_not_consent_to_surrender():
    facts = dataclasses.replace(evidence("ES", "DE", "sought", instrument="reg2844", surrender=True), aim=R)
    found = demands(facts, LAW)
    link, surrender = the(found, "counsel-consent"), the(found, "surrender-consent")
    assert "presiding" in link.by
    assert surrender.by == ("authority",), "of the State that was asked"
    assert link.source != surrender.source
    assert not surrender.blocks, "only that act waits for it"


def test_subtlety_03_whom_each_instrument_names():
    def covered(instrument, capacity):
        found = demands(evidence("ES", "DE", capacity, instrument=instrument), LAW)
        return "capacity-covered" not in ids(found)

    assert covered("eu2000", "accused")
    assert not covered("eu2000", "suspect")
    assert covered("ets182", "accused")
    assert covered("ets182", "suspect")
    assert covered("reg2844", "sought")
    assert not covered("reg2844", "witness")


def test_subtlety_04_telephone():
    def asked(instrument, capacity="witness"):
        return ids(demands(evidence("ES", "DE", capacity, instrument=instrument, telephone=True), LAW))

    for instrument in ("ets182", "eu2000"):
        assert "telephone-consent" in asked(instrument)
        assert "telephone-barred" not in asked(instrument)
    assert "telephone-consent" not in asked("eio")
    assert "telephone-last" in asked("eio")
    for instrument in ("ets182", "eu2000", "eio", "reg2844"):
        assert "telephone-barred" in asked(instrument, "suspect")
        assert "telephone-barred" in asked(instrument, "accused")
    barred = the(
        demands(evidence("ES", "DE", "accused", instrument="reg2844", telephone=True), LAW),
        "telephone-barred",
    )
    assert barred.by == barred.override == ()


def test_subtlety_05_only_the_directive_makes_it_a_duty_to_tell_witnesses_of_silence():
    told = {
        instrument: the(
            demands(evidence("CH", "NO", "witness", instrument=instrument), LAW), "silence-informed"
        )
        for instrument in ("eio", "ets182", "eu2000", "untoc")
    }
    assert [name for name, one in told.items() if one.duty] == ["eio"]
    assert all("either State" in one.words for one in told.values())


def test_subtlety_06_two_warnings_under_two_laws():
    for instrument in ("ets182", "eu2000", "eio", "eu-us"):
        found = demands(evidence("CH", "NO", "witness", instrument=instrument), LAW)
        there, here = the(found, "warning-requested"), the(found, "warning-requesting")
        assert there.by == ("authority",)
        assert here.by == ("presiding",)
        assert "requested State" in there.words
        assert "requesting State" in here.words


def test_subtlety_07_a_judicial_authority_or_a_competent_one_or_none():
    def present(instrument):
        return the(demands(evidence("ES", "DE", "accused", instrument=instrument), LAW), "authority-present")

    assert "judicial" in present("ets182").words
    assert "judicial" in present("eu2000").words
    assert "judicial" not in present("eio").words
    assert "authority-present" not in ids(demands(evidence("ES", "DE", "accused", instrument="reg2844"), LAW))


def test_subtlety_08_under_the_codes_of_the_united_nations_nothing_on_conduct_applies_by_itself():
    for instrument in ("untoc", "uncac"):
        found = demands(evidence("CL", "PE", "witness", instrument=instrument), LAW)
        agreed = the(found, "conduct-agreed")
        assert agreed.blocks
        assert agreed.override == ()
        for one in found:
            if one.id in {"presiding-in-chair", "authority-present", "identity-established", "minutes-drawn"}:
                assert not one.duty, one


def test_subtlety_09_who_pays():
    def words(instrument):
        return the(
            demands(evidence("DE", "FR", "accused interpreter", instrument=instrument), LAW), "costs-settled"
        ).words

    assert words("ets182").startswith("The requesting State refunds")
    assert "both States have agreed" in words("ets182")
    assert "the requested State waives" in words("eu2000")
    assert words("eio").startswith("The executing State bears")
    assert "consulted" in words("untoc")
    free = the(
        demands(evidence("DE", "FR", "accused interpreter", instrument="eio"), LAW), "interpreter-free"
    )
    assert free.cited == "Directive 2010/64/EU, Article 4"


def test_subtlety_10_no_oath_that_was_not_asked_for():
    oaths = {"oath-requested", "oath-arranged", "oath-taken"}
    for instrument in ("ets182", "eu2000"):
        facts = evidence("CH", "NO", "witness", instrument=instrument)
        assert not ids(demands(facts, LAW)) & oaths
        assert oaths <= ids(demands(dataclasses.replace(facts, oath=True), LAW))


def test_subtlety_11_safe_conduct_is_shown_as_not_arising():
    for instrument in ("untoc", "uncac", "ets182", "eu2000", "eio"):
        one = the(demands(evidence("CH", "NO", "witness", instrument=instrument), LAW), "safe-conduct")
        assert not one.blocks
        assert "does not arise" in one.words


def test_subtlety_12_the_regulation_is_its_article_6_and_takes_no_evidence():
    found = demands(dataclasses.replace(evidence("ES", "DE", "accused", instrument="reg2844"), aim=R), LAW)
    cited = [one.article for one in found if one.source.startswith("Regulation")]
    assert cited
    assert not [article for article in cited if article.startswith("Article 5")]
    answer = governing(Case(E, "ES", "DE", TODAY, "accused"), LAW.parties)
    assert "reg2844" not in {answer.basis, *answer.alternatives}


def test_subtlety_13_articles_are_cited_where_they_stand_today():
    found = demands(evidence("CH", "NO", "victim", instrument="ets182"), LAW)
    assert "Article 4" in the(found, "sent-traceably").article
    assert "Article 15" in the(found, "sent-traceably").article
    assert "Article 5" in the(found, "costs-settled").article
    assert "Article 20" in the(found, "costs-settled").article
    texts = [source.short for source in LAW.sources.values()] + [
        basis.article for item in LAW.items for basis in item.basis
    ]
    assert not [text for text in texts if "2001/220" in text]


def test_subtlety_16_each_case_is_looked_at():
    one = the(demands(evidence("ES", "FR", "accused", instrument="eio"), LAW), "principles-respected")
    assert "this case" in one.words
    assert not [item for item in LAW.items if item.forbids and "national" in item.words]


def test_subtlety_18_identity_is_for_the_requested_side():
    for instrument in ("ets182", "eu2000", "eio", "untoc"):
        one = the(
            demands(evidence("CH", "NO", "witness", instrument=instrument), LAW), "identity-established"
        )
        assert one.by == ("authority",)
        assert one.proof is Proof.CONFIRMATION, "the service does not identify anybody"


def test_subtlety_20_in_the_union_the_need_for_an_interpreter_is_ascertained():
    found = demands(evidence("FR", "US", "accused", instrument="eu-us"), LAW)
    one = the(found, "interpreter-ascertained")
    assert one.duty
    assert one.source == "Directive 2010/64/EU"
    assert "authority present" in one.words, "whose interpreter is another"
    outside = the(demands(evidence("JP", "US", "accused", instrument="none"), LAW), "interpreter-ascertained")
    assert not outside.duty


def test_subtlety_21_a_victim_is_heard_as_a_witness_with_rights_of_a_victim():
    for instrument in ("ets182", "eu2000", "eio", "untoc"):
        witness = demands(evidence("FR", "DE", "witness", instrument=instrument), LAW)
        victim = demands(evidence("FR", "DE", "victim", instrument=instrument), LAW)
        assert ids(victim) - ids(witness) == {"victim-supported"}
        assert ids(witness) <= ids(victim)
    found = demands(evidence("FR", "DE", "victim", instrument="eio"), LAW)
    assert the(found, "victim-supported").source == "Directive 2012/29/EU"
    assert not [one for one in found if "17(1)" in one.article], "it grants no hearing"


def test_subtlety_22_declarations_are_dated_and_change_what_is_demanded():
    def excluded(requesting, requested, instrument, capacity, on=TODAY):
        found = demands(evidence(requesting, requested, capacity, instrument=instrument, on=on), LAW)
        return "declared-excluded" in ids(found)

    assert excluded("GB", "MT", "ets182", "suspect")
    assert not excluded("GB", "MT", "ets182", "suspect", date(2012, 7, 31))
    assert not excluded("GB", "MT", "ets182", "witness")
    assert excluded("NL", "IE", "eu2000", "accused")
    assert excluded("SE", "DK", "ets182", "accused")
    assert not excluded("SE", "DK", "ets182", "suspect")


def test_subtlety_23_a_test_beforehand_is_good_practice_everywhere():
    for instrument in INSTRUMENTS:
        one = the(demands(evidence("ES", "DE", "accused", instrument=instrument), LAW), "test-passed")
        assert not one.duty
        assert "presiding" in one.override


def test_subtlety_24_what_is_not_in_force_demands_nothing():
    for instrument in ("uncyber", "cets224"):
        assert not LAW.parties.both(instrument, ("RS", "JP"), TODAY)
        assert not [
            one for one in demands(evidence("RS", "JP", "witness", instrument=instrument), LAW) if one.duty
        ]


def test_subtlety_25_a_pair_without_a_rule_rests_on_no_other():
    for requesting, requested in (("GR", "IE"), ("DK", "GR")):
        assert governing(Case(E, requesting, requested, TODAY, "witness"), LAW.parties).finding is NONE
        found = demands(evidence(requesting, requested, "witness", instrument="none"), LAW)
        domestic = {source.short for source in LAW.sources.values() if source.kind == "domestic"}
        assert {one.source for one in found if one.duty} <= domestic


def test_subtlety_26_in_germany_witnesses_come_of_their_own_will():
    found = demands(evidence("CH", "DE", "witness", "expert", "victim", instrument="ets182"), LAW)
    told = [one for one in found if one.id == "voluntary-told"]
    assert len(told) == 3
    assert all(one.declares == "voluntary" and not one.override for one in told)
    assert "warning-requested" in ids(found), "what is said is covered nevertheless"
    for facts in (
        evidence("DE", "CH", "witness", instrument="ets182"),
        evidence("FR", "DE", "witness", instrument="eio"),
        evidence("CH", "DE", "witness", instrument="ets182", on=date(2015, 5, 31)),
    ):
        assert "voluntary-told" not in ids(demands(facts, LAW))


def test_subtlety_27_no_recording_because_of_a_child_and_fewer_articles_in_cases_of_surrender():
    plain = demands(evidence("FR", "ES", "suspect", instrument="eio"), LAW)
    child = demands(evidence("FR", "ES", "suspect child", instrument="eio"), LAW)
    assert the(child, "recording-decided") == the(plain, "recording-decided")
    facts = evidence("ES", "DE", "sought child", instrument="eaw", surrender=True, on=date(2020, 1, 1))
    cited = [one.article for one in demands(facts, LAW) if one.source == "Directive (EU) 2016/800"]
    assert cited
    for article in cited:
        assert not set(article.replace(",", " ").split()) & {"3", "7", "9", "16"}, article


def test_subtlety_28_legal_aid_for_the_second_lawyer_is_for_prosecution_alone():
    facts = dataclasses.replace(evidence("ES", "DE", "sought", instrument="reg2844", surrender=True), aim=R)
    one = the(demands(facts, LAW), "second-lawyer")
    assert "prosecution alone" in one.words
    assert one.cited == "Directive 2013/48/EU, Article 10(4) and (5)"
    assert the(demands(facts, LAW), "legal-aid-granted").article == "Article 5(1)"


def test_subtlety_29_whether_consent_to_surrender_is_final_is_for_the_requested_states_law():
    facts = dataclasses.replace(evidence("ES", "IE", "sought", instrument="eaw"), aim=R)
    found = demands(facts, LAW)
    assert "law of the requested State" in the(found, "surrender-options-told").words
    assert "counted anew" in the(found, "revocation-notified").words


def test_subtlety_31_the_lawyers_part_is_not_cited_from_the_rule_on_the_executing_authority():
    for instrument in ("reg2844", "eaw"):
        facts = dataclasses.replace(
            evidence("ES", "DE", "sought", instrument=instrument, surrender=True), aim=R
        )
        found = demands(facts, LAW)
        for name in ("counsel-present", "lawyer-noted"):
            assert "10(2)" not in the(found, name).article
            assert "3(3)(b)" in the(found, name).article


def test_subtlety_32_the_note_is_of_one_convention():
    note = LAW.sources["untoc-note"].short
    assert note in {one.source for one in demands(evidence("CL", "PE", "witness", instrument="untoc"), LAW)}
    for instrument in ("uncac", "ets182", "none"):
        found = demands(evidence("CL", "PE", "witness", instrument=instrument), LAW)
        assert note not in {one.source for one in found}


def test_subtlety_33_a_signature_is_no_basis():
    for pair, instrument in ((("IS", "CH"), "ets182"), (("GR", "CH"), "ets182"), (("RS", "JP"), "cets224")):
        answer = governing(Case(E, *pair, TODAY, "witness"), LAW.parties)
        assert instrument not in {answer.basis, *answer.alternatives}


def test_a_state_of_the_union_that_no_directive_binds_owes_none():
    """Denmark; and Ireland, but for two of them and the victims'."""
    directives = {
        source.short for name, source in LAW.sources.items() if source.kind == "layer" and name != "echr"
    }
    danish = demands(evidence("DK", "CH", "accused interpreter", "victim", instrument="ets182"), LAW)
    assert not {one.source for one in danish} & directives
    irish = demands(evidence("IE", "CH", "accused interpreter", "victim", instrument="ets182"), LAW)
    assert {one.source for one in irish} & directives == {
        "Directive 2010/64/EU",
        "Directive 2012/13/EU",
        "Directive 2012/29/EU",
    }
    assert all(
        one.mark == Mark.RECALLED
        for one in irish
        if one.source in {"Directive 2010/64/EU", "Directive 2012/13/EU"}
    )


def test_directives_count_from_the_day_on_which_they_had_to_be_law():
    def cited(on):
        facts = evidence("ES", "FR", "accused", instrument="eu2000", on=on)
        return {one.source for one in demands(facts, LAW) if one.source.startswith("Directive")}

    assert cited(date(2014, 6, 1)) == set()
    assert cited(date(2014, 6, 2)) == {"Directive 2012/13/EU"}
    assert cited(date(2016, 11, 27)) == {"Directive 2012/13/EU", "Directive 2013/48/EU"}


def test_hearings_under_the_regulation_are_counted_from_the_second_of_may_2026_on():
    def counted(on):
        return "statistic-counted" in ids(
            demands(evidence("ES", "DE", "accused", instrument="reg2844", on=on), LAW)
        )

    assert not counted(date(2026, 5, 1))
    assert counted(date(2026, 5, 2))


def test_the_framework_decision_is_on_warrants_without_being_told():
    assert "second-lawyer" in ids(demands(evidence("ES", "DE", "sought", instrument="eaw"), LAW))
    assert "second-lawyer" not in ids(demands(evidence("ES", "DE", "sought", instrument="reg2844"), LAW))


def test_what_concerns_the_hearing_is_demanded_before_anybody_is_named():
    found = demands(evidence("ES", "FR", instrument="eio", telephone=True), LAW)
    assert {"basis-chosen", "requested-agrees", "telephone-last"} <= ids(found)
    assert all(one.person is None for one in found)


# --- domestic law


def test_what_domestic_law_tightens_blocks_and_nobody_passes_it():
    item = next(one for one in LAW.items if one.id == "contacts-named")
    assert item.override
    rule = items.Tightened(item=item.id, of="ie-2008", article="section 1")
    law = dataclasses.replace(LAW, items=tuple(items.tightened((item,), (rule,))))
    one = the(demands(evidence("IE", "ES", "witness", instrument="eu2000"), law), item.id)
    assert (one.cited, one.blocks, one.override) == (
        "Criminal Justice (Mutual Assistance) Act 2008 (Ireland), section 1",
        True,
        (),
    )
    other = the(demands(evidence("ES", "IE", "witness", instrument="eu2000"), law), item.id)
    assert other.override == item.override


def test_ireland_records_what_it_hears_and_not_what_is_heard_there():
    here = the(demands(evidence("IE", "ES", "witness", instrument="eu2000"), LAW), "recording-decided")
    assert here.cited == "Criminal Justice (Mutual Assistance) Act 2008 (Ireland), section 67(8)"
    assert (here.blocks, here.override) == (True, ())
    there = the(demands(evidence("ES", "IE", "witness", instrument="eu2000"), LAW), "recording-decided")
    assert not there.duty
    assert "oath-noted" in ids(demands(evidence("ES", "IE", "witness", instrument="eu2000"), LAW))


def test_what_the_netherlands_left_out_until_march_2020_nobody_could_pass():
    facts = evidence("NL", "FR", "suspect child", instrument="eio", on=date(2020, 3, 24))
    barred = the(demands(facts, LAW), "child-barred")
    assert barred.blocks
    assert barred.by == barred.override == ()
    for other in (
        dataclasses.replace(facts, on=date(2020, 3, 25)),
        dataclasses.replace(facts, requesting="FR", requested="NL"),
        dataclasses.replace(facts, heard=(person("witness child"),)),
    ):
        assert "child-barred" not in ids(demands(other, LAW))


# --- in time


def test_a_hearing_of_twenty_people_is_computed_within_twenty_milliseconds():
    people = tuple(
        Heard(f"aaaaaa{n // 26}{chr(97 + n % 26)}", capacity, child=n % 3 == 0, interpreter=n % 2 == 0)
        for n, capacity in enumerate([str(one) for one in Capacity if one != "sought"] * 4)
    )
    assert len(people) == 20
    facts = Facts("evidence", "eio", "ES", "FR", TODAY, people)

    def once() -> float:
        since = time.perf_counter()
        for capacity in {one.capacity for one in people}:
            governing(Case(E, "ES", "FR", TODAY, capacity), LAW.parties)
        assert demands(facts, LAW)
        return time.perf_counter() - since

    assert min(once() for _ in range(5)) < 0.020
