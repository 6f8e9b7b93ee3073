"""The texts: whole in every language, one canonical form, and never consent to be handed over."""

import hashlib
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from consent import notices
from consent.notices import DEFENDED, Phrases, Text, What, Wording

LANGUAGES = {"en", "fr", "es", "ar"}
TEXTS = list(notices.load().values())
CAPACITIES = ("witness", "expert", "victim", "suspect", "accused", "sought")
OF_HANDING_OVER = (
    "surrender",
    "extradit",
    "handed",
    "remis",
    "entrega",
    "special",
    "spécial",
    "especial",
    "تسليم",
)


def test_every_text_is_there_in_every_language_and_so_is_what_stands_around_it():
    assert {language for text in TEXTS for language in text.wording} == LANGUAGES
    assert all(set(text.wording) == LANGUAGES for text in TEXTS)
    assert set(notices.phrases()) == LANGUAGES
    assert len({notices.digest(text, one) for text in TEXTS for one in LANGUAGES}) == len(TEXTS) * 4
    assert {text.status for text in TEXTS} == {"sample"}


@pytest.mark.parametrize("capacity", CAPACITIES)
def test_whoever_is_heard_has_one_text_for_each_thing_and_is_told_their_rights(capacity: str):
    whats = [text.what for text in notices.for_capacity(capacity)]
    assert len(whats) == len(set(whats))
    assert What.RIGHTS in whats
    assert (What.WAIVER_COUNSEL in whats) == (What.VIDEO in whats) == (capacity in DEFENDED)
    assert (What.TELEPHONE in whats) == (What.VOLUNTARY in whats) == (capacity not in DEFENDED)


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.id)
def test_nobody_is_asked_here_whether_they_agree_to_be_handed_over(text: Text):
    """Another authority asks that, with other effects; and no yes to any of these says anything of it."""
    asked = [part for one in text.wording.values() for part in (one.title, one.question, one.yes, one.no)]
    assert not [part for part in asked if any(word in part.casefold() for word in OF_HANDING_OVER)]


def test_those_are_the_only_things_that_are_asked():
    assert {str(what) for what in What} == {
        *("rights", "video", "recording", "voluntary", "telephone", "waiver-counsel")
    }
    assert not [
        text for text in TEXTS if text.what is not What.RIGHTS and "handed over" in str(text.wording["en"])
    ]


def test_the_digest_is_of_the_bytes_as_they_are_shown():
    text = notices.load()["telephone"]
    words = text.wording["fr"]
    lines = [words.title, *words.lines, words.question, words.yes, words.no]
    assert words.canonical.encode() == b"".join(line.encode() + b"\x0a" for line in lines)
    assert notices.digest(text, "fr") == hashlib.sha256("\n".join([*lines, ""]).encode()).hexdigest()
    with pytest.raises(KeyError):
        notices.digest(text, "pt")


line = (
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=20)
    .map(lambda text: unicodedata.normalize("NFC", text).strip())
    .filter(
        lambda text: (
            text and len(text.splitlines()) == 1 and text == unicodedata.normalize("NFC", text.strip())
        )
    )
)
wordings = st.builds(
    Wording, title=line, lines=st.lists(line, max_size=4).map(tuple), question=line, yes=line, no=line
)


@given(wordings, wordings)
def test_no_two_wordings_have_one_canonical_form(one: Wording, other: Wording):
    assert (one.canonical == other.canonical) == (one == other)
    assert Wording.read(one.canonical) == one


@pytest.mark.parametrize("title", ["two\nlines", " space", "", "e\u0301", "line\u2028separator"])
def test_a_part_is_one_line_of_one_form(title: str):
    with pytest.raises(ValidationError, match="not one line"):
        Wording(title=title, lines=(), question="?", yes="yes", no="no")


@pytest.mark.parametrize(
    ("tag", "language"), [("fr-CA", "fr"), ("AR", "ar"), ("es", "es"), ("ps", None), ("pt-BR", None)]
)
def test_a_language_that_is_missing_is_said_to_be(tag: str, language: str | None):
    assert notices.load()["video"].language(tag) == language


def test_what_stands_around_a_text_is_short():
    for phrases in notices.phrases().values():
        assert all(0 < len(getattr(phrases, name)) < 120 for name in Phrases.model_fields)
