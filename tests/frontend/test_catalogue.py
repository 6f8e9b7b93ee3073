"""Every sentence is in every language, whole: nothing is missing, nothing is left over, no value is lost."""

import re
from datetime import date
from itertools import permutations, product

import pytest
from babel.messages.catalog import Message

from consent import parties
from consent.governing import Case, Purpose, governing
from frontend.catalogue import DOMAINS, SOURCE, gathered, read, renewed, untranslated, write
from hearings.roles import Capacity

OTHERS = [(domain, language) for domain, languages in DOMAINS for language in languages if language != SOURCE]
VALUE = re.compile(r"%\((\w+)\)s|\{(\w*)\}")


def ids(catalog: object) -> set[str]:
    return {str(one.id) for one in catalog if one.id}  # type: ignore[attr-defined]


def values(text: str) -> set[str]:
    return {one or other for one, other in VALUE.findall(text)}


def told(message: Message) -> list[tuple[str, str]]:
    """Each translation with the English that it must carry the values of."""
    if isinstance(message.id, str):
        return [(message.id, str(message.string))]
    return [(message.id[-1], form) for form in message.string]


def test_sentences_of_every_kind_are_gathered() -> None:
    found = ids(gathered())
    assert {
        "Enter a letter of request",  # of a page
        "Sign in first.",  # of a refusal
        "{who} closed the file.",  # of the journal
        "The authority present has established the identity of the person heard.",  # of an instrument
        "There is no time zone named {zone}. Choose one from the list, such as Europe/Amsterdam.",
    } <= found


def test_every_step_of_every_answer_is_gathered() -> None:
    known = ids(gathered())
    lists = parties.load()
    states = (
        "ES",
        "FR",
        "IE",
        "GR",
        "NL",
        "DE",
        "MT",
        "DK",
        "IS",
        "NO",
        "GB",
        "US",
        "JP",
        "RS",
        "PY",
        "BY",
        "AZ",
        "CY",
        "XX",
    )
    answers = [
        governing(Case(aim, one, other, date(2026, 11, 23), capacity), lists)
        for aim, (one, other), capacity in product(Purpose, permutations(states, 2), (*Capacity, None))
    ]
    told = {(one.words, one.article) for answer in answers for one in answer.reasons}
    assert {text for pair in told for text in pair if text} <= known


@pytest.mark.parametrize(("domain", "language"), OTHERS)
def test_a_catalogue_has_what_is_said_and_nothing_else(domain: str, language: str) -> None:
    """`make words` puts new sentences in and takes old ones out."""
    assert ids(read(language, domain)) == ids(gathered(domain))


@pytest.mark.parametrize(("domain", "language"), OTHERS)
def test_everything_is_translated(domain: str, language: str) -> None:
    assert untranslated(read(language, domain)) == []
    assert [one.id for one in read(language, domain) if one.id and one.fuzzy] == []


@pytest.mark.parametrize(("domain", "language"), OTHERS)
def test_no_value_is_lost_or_made_up(domain: str, language: str) -> None:
    wrong = [
        (english, text)
        for message in read(language, domain)
        if message.id
        for english, text in told(message)
        if values(text) != values(english) and not (values(english) == {"num"} and not values(text))
    ]
    assert wrong == []


def test_renewing_keeps_what_is_translated_and_changes_nothing_else(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {str(one.id): one.string for one in read("ar") if one.id}
    assert {str(one.id): one.string for one in renewed("ar") if one.id} == before
    monkeypatch.setattr("frontend.catalogue.LOCALE", tmp_path)
    assert write("ar") == len(before)
    assert untranslated(read("ar")) == [str(one.id) for one in gathered() if one.id]
