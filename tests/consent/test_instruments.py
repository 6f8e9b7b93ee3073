"""The instruments as data: what each claim must carry, and what the digest of the law says in a line or two of it."""

import re

import pytest
from pydantic import ValidationError

from consent import instruments
from consent.instruments import About, Instrument
from consent.parties import Mark

KNOWN = instruments.load()
CAPACITIES = {"witness", "expert", "victim", "suspect", "accused", "sought"}


def test_every_instrument_of_the_digest_is_here():
    assert set(KNOWN) == {
        *("untoc", "uncac", "uncyber", "ets182", "eu2000", "eu2000-isno", "eio", "reg2844", "eaw", "eu-uk"),
        *("eu-us", "ibero", "commonwealth", "ecowas", "francophone", "chisinau", "cets224", "cets209"),
    }
    off = {name for name, one in KNOWN.items() if not one.usable}
    assert off == {"uncyber", "ibero", "commonwealth", "ecowas", "francophone", "chisinau", "cets224"}


@pytest.mark.parametrize("one", KNOWN.values(), ids=lambda one: one.id)
def test_a_claim_has_words_an_article_and_a_mark(one: Instrument):
    assert one.covers <= CAPACITIES
    assert one.claim
    for claim in one.claim:
        assert claim.words.endswith(".")
        assert re.search(r"Article|recital|section|title|Annex|note|Protocol", claim.article), claim
    if one.usable:
        assert Mark.UNVERIFIED not in {claim.mark for claim in one.claim}
        assert one.mark is not Mark.UNVERIFIED
    assert len({(claim.about, claim.words) for claim in one.claim}) == len(one.claim)


def test_only_the_treaties_that_say_so_have_the_authority_intervene_and_only_the_note_speaks_of_interrupting():
    told = {name: one.intervention for name, one in KNOWN.items() if one.intervention is not None}
    assert set(told) == {"eio", "ets182", "eu2000", "eu2000-isno", "untoc"}
    assert {name for name, one in told.items() if "interrupt" in one.words} == {"untoc"}
    assert {name for name, one in told.items() if one.mark == "practice"} == {"untoc"}


def test_who_is_off_says_why():
    good = KNOWN["uncyber"].model_dump()
    for change in ({"because": ""}, {"status": "usable"}):
        with pytest.raises(ValidationError, match="is off"):
            Instrument.model_validate(good | change)


@pytest.mark.parametrize(
    ("name", "consent", "presence"),
    [
        ("untoc", "none", "agreed"),
        ("uncac", "none", "agreed"),
        ("ets182", "mandatory", "judicial"),
        ("eu2000", "mandatory", "judicial"),
        ("eio", "refusal", "competent"),
        ("reg2844", "mandatory", "none"),
        ("cets224", "conditions", "agreed"),
    ],
)
def test_consent_and_presence_are_not_one_rule(name: str, consent: str, presence: str):
    assert (KNOWN[name].consent_rule, KNOWN[name].presence_kind) == (consent, presence)


@pytest.mark.parametrize(
    ("name", "about", "article", "part"),
    [
        (
            "ets182",
            About.COSTS,
            "Article 5, as Article 20(2) of the Convention of 1959",
            "unless the States agree",
        ),
        ("eu2000", About.COSTS, "Article 10(7)", "waives"),
        ("eio", About.COSTS, "Article 21", "executing State bears"),
        ("ets182", About.PERJURY, "Article 9(7)", "witnesses and experts"),
        ("eu2000", About.PERJURY, "Article 10(8)", "witnesses and experts"),
        ("eio", About.PERJURY, "Article 24(7)", "executing State"),
        ("ets182", About.OATH, "Article 3(2) of the Convention of 1959", "expressly"),
        ("eio", About.CONSENT, "Article 24(2)(a)", "does not have to"),
        ("reg2844", About.CONSENT, "Article 6(2)", "verifies"),
        ("eaw", About.CONSENT, "Article 13(1) to (3)", "not consent to a video link"),
    ],
)
def test_what_flips_between_instruments_is_told_of_each(name: str, about: About, article: str, part: str):
    (claim,) = [one for one in KNOWN[name].claim if one.about is about and one.article == article]
    assert part in claim.words
    assert claim.mark is Mark.SEEN


def test_the_guidance_note_is_told_of_one_convention_alone_and_as_binding_nobody():
    for name, one in KNOWN.items():
        noted = [claim for claim in one.claim if "guidance note" in claim.article]
        assert bool(noted) == (name == "untoc")
        assert all("binds nobody" in claim.words for claim in noted)
