"""Words for paper, in one language and in two: what is ours is said in each, what people wrote stands once."""

import unicodedata
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearings.minutes import Fact
from hearings.sentences import Country, Day, Moment, Sentence, Tongue, Zone, say
from hearings.wording import Scribe, Text, day, decimal, direction, english
from scheduling.zones import on_clock

SAID = {
    "fr": {
        "{who} noted: {text}": "{who} a noté : {text}",
        "{who} confirmed: “{words}” ({article})": "{who} a confirmé : « {words} » ({article})",
        "{words} were said by {who}.": "{who} a dit {words}.",
        "a witness": "un témoin",
    },
    "ar": {"{who} noted: {text}": "دوّن {who}: {text}", "a witness": "شاهد"},
}
AT = datetime(2026, 11, 23, 9, 2, tzinfo=UTC)
LONG = "It was raining, and nobody else was in the yard behind the house that evening."


def wording(language: str, template: str) -> str | None:
    return template if language == "en" else SAID.get(language, {}).get(template)


def scribe(*languages: str, numbered: frozenset[str] = frozenset()) -> Scribe:
    return Scribe(languages, wording, ("Europe/Amsterdam", "America/Lima"), numbered)


def told(text: Text) -> list[tuple[str, str]]:
    """Each voice: its language, and its words without marks of direction."""
    marks = str.maketrans("", "", "\u2068\u2069")
    return [(voice["lang"], "".join(run["text"] for run in voice["runs"]).translate(marks)) for voice in text]


def test_what_is_ours_is_said_in_each_language_and_what_people_wrote_stands_once():
    sentence = say("{who} noted: {text}", who="Clerk K.", text="a witness")
    assert told(scribe("en", "fr").text(sentence)) == [
        ("en", "Clerk K. noted: a witness"),
        ("fr", "Clerk K. a noté : a witness"),
    ]
    assert told(scribe("fr").text(say("a witness"))) == [("fr", "un témoin")]
    assert told(scribe("en", "fr").text("a witness")) == [("", "a witness")]


def test_a_sentence_within_a_sentence_is_translated_too():
    sentence = say("{who} noted: {text}", who=say("a witness"), text="yes")
    assert told(scribe("fr", "ar").text(sentence)) == [
        ("fr", "un témoin a noté : yes"),
        ("ar", "دوّن شاهد: yes"),
    ]


def test_what_has_no_translation_is_english_and_tagged_as_english():
    assert told(scribe("fr").text(say("No word of it."))) == [("en", "No word of it.")]
    assert told(scribe("fr", "ar").text(say("No word of it."))) == [("en", "No word of it.")]
    half = say("{words} were said by {who}.", words="These", who=say("a witness"))
    assert told(scribe("ar", "fr").text(half)) == [
        ("en", "These were said by a witness."),
        ("fr", "un témoin a dit These."),
    ]
    inner = say("{who} confirmed: “{words}” ({article})", who="K.", words=say("It is met."), article="1")
    (voice,) = scribe("fr").text(inner)
    assert [(run["lang"], run["text"]) for run in voice["runs"]] == [
        ("", "K. a confirmé : « "),
        ("en", "It is met."),
        ("", " » (1)"),
    ]


def test_what_was_written_at_length_stands_once_below_both_languages():
    sentence = say("{who} noted: {text}", who="Clerk K.", text=LONG)
    head, below = scribe("en", "fr").lines(sentence)
    assert told(head) == [("en", "Clerk K. noted:"), ("fr", "Clerk K. a noté :")]
    assert told(below) == [("", LONG)]
    assert [told(one) for one in scribe("en").lines(sentence)] == [[("en", f"Clerk K. noted: {LONG}")]]
    brief = say("{who} noted: {text}", who="Clerk K.", text="Rain.")
    assert len(scribe("en", "fr").lines(brief)) == 1


def test_where_it_is_not_the_end_of_the_sentence_in_both_languages_it_stays_in_it():
    sentence = say("{words} were said by {who}.", words="These", who=LONG)
    assert len(scribe("en", "fr").lines(sentence)) == 1


def test_what_only_a_calendar_or_an_atlas_can_say_is_said_in_each_language():
    values = {
        "day": Day(date(2026, 11, 23)),
        "zone": Zone("Europe/Amsterdam"),
        "tongue": Tongue("ar-EG"),
        "state": Country("NL"),
        "at": Moment(AT, ""),
    }
    sentence = say("{day} {zone} {tongue} {state} {at}", **values)
    (voice,) = scribe("en").text(sentence)
    assert told((voice,)) == [
        (
            "en",
            "23 November 2026 Amsterdam Arabic Netherlands Monday 23 November 2026, 04:02 (Lima, UTC−05:00)",
        )
    ]
    assert day(date(2026, 11, 23), "short", "ru") == "23 нояб."
    assert day(date(2026, 11, 23), "full", "zh") == "2026年11月23日星期一"
    assert decimal(12.5, 1, "fr") == "12,5"
    assert [direction(tag) for tag in ("ar", "ar-EG", "zh", "xx-unknown")] == ["rtl", "rtl", "ltr", "ltr"]


def test_a_time_that_stands_once_for_two_languages_is_the_same_in_all_of_them():
    assert [told(one)[0][1] for one in scribe("en").brief(AT)] == [
        "Amsterdam 23 Nov, 10:02",
        "Lima 23 Nov, 04:02",
    ]
    assert [told(one)[0][1] for one in scribe("en", "fr").brief(AT)] == [
        "Amsterdam 2026-11-23 10:02",
        "Lima 2026-11-23 04:02",
    ]
    assert told(scribe("ar", "fr").dated(on_clock(AT, "America/Lima"))) == [
        ("ar", "2026-11-23 04:02 (UTC−05:00)")
    ]


def test_a_name_of_the_other_script_is_isolated_so_that_punctuation_stays_where_it_belongs():
    (voice,) = scribe("ar").text(say("{who} noted: {text}", who="Clerk K.", text="Rain."))
    assert voice["runs"][0]["text"] == "دوّن \u2068Clerk K.\u2069: \u2068Rain.\u2069"
    (voice,) = scribe("fr").text("نعم.")
    assert voice["runs"][0]["text"] == "\u2068نعم.\u2069"
    (voice,) = scribe("fr").text("نعم. " * 20)
    assert voice["dir"] == "rtl", "at length it runs as its own script does"


@given(st.text(min_size=1, max_size=40), st.sampled_from([("en",), ("ar",), ("fr", "ar"), ("ar", "en")]))
def test_nothing_that_is_written_is_lost_or_turns_the_line(written: str, languages: tuple[str, ...]):
    sentence = say("{who} noted: {text}", who=written, text=written)
    for text in (scribe(*languages).text(sentence), scribe(*languages).text(written)):
        for voice in text:
            words = "".join(run["text"] for run in voice["runs"])
            assert words.count("\u2068") == words.count("\u2069")
            assert not {char for char in words if "\u202a" <= char <= "\u202e" or char in "\u2066\u2067"}
            for char in written:
                seen = char == "\n" or unicodedata.category(char) not in {"Cc", "Cn", "Co", "Cs"}
                turns = "\u202a" <= char <= "\u202e" or "\u2066" <= char <= "\u2069"
                assert (char if seen and not turns else f"‹U+{ord(char):04X}›") in words


def test_a_character_that_no_font_has_is_its_number_within_a_sentence_too():
    text = scribe("en", numbered=frozenset("\u20e3")).text(
        say("{who} noted: {text}", who="K\u20e3", text="x")
    )
    assert told(text) == [("en", "K‹U+20E3› noted: x")]


def test_facts_keep_what_a_sentence_was_made_of_and_are_written_down_in_english():
    fact = Fact(label=say("{who} noted: {text}", who="Nu\u0301n\u0303ez", text=say("a witness")), value="x")
    assert isinstance(fact.label, Sentence)
    assert fact.label == "Núñez noted: a witness", "composed, as everything that is written down"
    assert told(scribe("fr").text(fact.label)) == [("fr", "Núñez a noté : un témoin")]
    assert type(fact.model_dump(mode="json")["label"]) is str
    assert Fact.model_validate_json(fact.model_dump_json()) == fact
    assert fact.model_copy(update={"value": "y"}).label.template == "{who} noted: {text}"


@pytest.mark.parametrize("language", ["en", "en-GB"])
def test_who_has_no_catalogue_says_everything_in_english(language: str):
    assert english(language, "a witness") == ("a witness" if language == "en" else None)
