"""Sentences, times and names as a reader sees them."""

from datetime import UTC, datetime
from io import BytesIO

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.support import NullTranslations, Translations

from frontend.words import Reader
from hearings.events import (
    HearingCancelled,
    HearingMoved,
    HearingSuspended,
    InterpretationOpened,
    ParticipantLost,
)
from hearings.sentences import Tongue, say

SAID = {
    "You cannot {act} now: the hearing is {state}.": "لا يمكنك {act} الآن: الجلسة {state}.",
    "open the room": "فتح القاعة",
    "closed": "مغلقة",
    "{name} is already in the room.": "{name} موجود في القاعة.",
    "The hearing was suspended by {who}: {reason}": "علّق {who} الجلسة: {reason}",
    "The connection of {names} was lost.": "انقطع اتصال {names}.",
    "the service": "الخدمة",
    "A private consultation.": "مشاورة سرية.",
}
START = datetime(2026, 11, 27, 10, tzinfo=UTC)
JUDGE = "aaaaaaaa"


@pytest.fixture(scope="module")
def arabic() -> Reader:
    catalogue = Catalog(locale="ar")
    for english, translated in SAID.items():
        catalogue.add(english, translated)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Reader("ar", Translations(fp=compiled))


@pytest.fixture(scope="module")
def english() -> Reader:
    return Reader("en", NullTranslations())


def named(handle: str) -> str:
    return say("the service") if handle == "service" else "Judge J."


def moved() -> HearingMoved:
    return HearingMoved(
        start=START,
        minutes=90,
        zone="Europe/Amsterdam",
        other="Africa/Casablanca",
        reason="as agreed",
        by=JUDGE,
        confirmed=[],
    )


def test_template_and_nested_values_are_translated(arabic: Reader):
    sentence = say(
        "You cannot {act} now: the hearing is {state}.", act=say("open the room"), state=say("closed")
    )
    assert arabic.tell(sentence) == "لا يمكنك فتح القاعة الآن: الجلسة مغلقة."


def test_names_are_isolated_and_never_translated(arabic: Reader, english: Reader):
    sentence = say("{name} is already in the room.", name="closed")
    assert arabic.tell(sentence) == "\u2068closed\u2069 موجود في القاعة."
    assert english.tell(sentence) == "closed is already in the room."


def test_a_reason_of_the_service_is_translated_and_one_that_was_typed_is_not(arabic: Reader):
    text = "The connection of Witness A was lost."
    ours = HearingSuspended(reason=text, by="service").sentence(named)
    typed = HearingSuspended(reason=text, by=JUDGE).sentence(named)
    assert arabic.tell(ours) == "علّق الخدمة الجلسة: انقطع اتصال \u2068Witness A\u2069."
    assert arabic.tell(typed) == f"علّق \u2068Judge J.\u2069 الجلسة: \u2068{text}\u2069"


def test_a_private_consultation_as_a_reason_is_ours_whoever_granted_it(arabic: Reader):
    told = HearingSuspended(reason="A private consultation.", by=JUDGE).sentence(named)
    assert arabic.tell(told) == "علّق \u2068Judge J.\u2069 الجلسة: مشاورة سرية."


def test_a_language_is_said_in_the_language_of_the_reader(arabic: Reader, english: Reader):
    opened = InterpretationOpened(participant="bbbbbbbb", language="fr-CA", by=JUDGE).sentence(named)
    assert "into French by" in opened, "as the minutes print it"
    assert english.tell(opened) == opened
    assert arabic.tell(say("{language}", language=Tongue("fr"))) == "الفرنسية"


def test_an_instant_appears_on_the_clock_of_its_zone_and_zones_as_cities(english: Reader):
    sentence = moved().sentence(named)
    assert "2026-11-27T10:00:00.000Z (Europe/Amsterdam and Africa/Casablanca)" in sentence
    told = english.tell(sentence, "Asia/Tokyo").replace("\u2068", "").replace("\u2069", "")
    assert told == (
        "Judge J. moved the hearing to Friday 27 November 2026, 11:00 (Amsterdam, UTC+01:00) "
        "(Amsterdam and Casablanca): as agreed"
    )


def test_the_hour_alone_is_never_without_its_zone_and_no_line_ends_within_its_offset(english: Reader):
    told = english.hour(START, "America/Santiago").replace("\u2068", "").replace("\u2069", "")
    assert told == "07:00 (Santiago, UTC\u221203:00)"


def test_a_size_is_told_in_the_words_of_the_reader(arabic: Reader, english: Reader):
    assert english.bytes(83) == "83 bytes"
    assert arabic.bytes(83) == "83 بايت"


def test_an_instant_without_a_zone_appears_on_the_clock_of_the_page(english: Reader):
    sentence = ParticipantLost(participant=JUDGE, since=START).sentence(named)
    assert "19:00\u2069 (Tokyo" in english.tell(sentence, "Asia/Tokyo")
    assert "10:00" in english.tell(sentence)


def test_an_instant_within_a_sentence_within_a_sentence_is_on_the_same_clock(english: Reader):
    sentence = say("It is so: {what}", what=ParticipantLost(participant=JUDGE, since=START).sentence(named))
    assert "19:00" in english.tell(sentence, "Asia/Tokyo")


def test_a_code_is_told_by_what_it_means(english: Reader):
    sentence = HearingCancelled(code="other", reason="as agreed", by=JUDGE).sentence(named)
    assert sentence == "Judge J. cancelled the hearing (other): as agreed"
    assert english.tell(sentence) == "Judge J. cancelled the hearing (another reason): as agreed"


def test_plain_text_is_looked_up_as_it_is(arabic: Reader):
    assert arabic.tell("closed") == "مغلقة"
    assert arabic.tell("Registrar") == "Registrar"
    assert arabic.tell(None) == arabic.tell("") == ""


def test_the_filter_of_the_pages_takes_a_zone(english: Reader):
    sentence = ParticipantLost(participant=JUDGE, since=START).sentence(named)
    page = english._pages.from_string("{{ one|tell(zone) }} {{ one|tell }}")
    assert "19:00" in page.render(one=sentence, zone="Asia/Tokyo")
