"""The minutes in the six languages of the United Nations, on paper and on a screen."""

import re
import subprocess
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from pyhanko.pdf_utils.reader import PdfFileReader

from frontend.catalogue import SEEN, gathered
from frontend.papers import DOMAIN, LANGUAGES, Papers
from frontend.words import Words
from hearings.drawing import COURSE
from hearings.events import KINDS
from hearings.minutes import Omission
from hearings.minutes_page import page
from hearings.minutes_pdf import draw_up
from hearings.sentences import LACKS, Code, Sentence, recognised
from tests.hearings.long_minutes import LAST_WORD, REMARK, long_minutes
from tests.hearings.test_minutes import CAME_UP, minutes
from tests.hearings.test_sentences import EXAMPLE, example, named

PAIRS = [("fr", "ar"), ("en", "zh"), ("ru", "es"), ("ar", "en"), ("zh", "ru")]
MARGIN, WIDTH, HEIGHT = 25 / 25.4 * 72, 595.28, 841.89
PAPERS = Papers()


def drawn(folder: Path, languages: tuple[str, ...], **changes: object) -> Path:
    file = folder / "minutes.pdf"
    file.write_bytes(draw_up(long_minutes(**changes), languages, PAPERS))  # type: ignore[arg-type]
    return file


def printed(pdf: Path, *options: str) -> str:
    return subprocess.run(["pdftotext", *options, pdf, "-"], capture_output=True, check=True).stdout.decode()


BOX = re.compile(
    r'<word xMin="([\d.-]+)" yMin="([\d.-]+)" xMax="([\d.-]+)" yMax="([\d.-]+)">(?:.*?)([。，：；、）]?)</word>'
)


def words(pdf: Path) -> list[tuple[float, float, float, float]]:
    """The box of every word, in points; the right half of Chinese punctuation is empty."""
    return [
        (float(left), float(top), float(right) - (5 if half else 0), float(foot))
        for left, top, right, foot, half in BOX.findall(printed(pdf, "-bbox"))
    ]


def templates(said: object) -> set[str]:
    """Of a sentence, and of the sentences in it."""
    if isinstance(said, Code):
        return templates(said.meaning)
    if not isinstance(said, Sentence):
        return set()
    return {said.template}.union(*(templates(value) for value in said.values.values()))


def test_what_minutes_lack_is_told_in_their_languages() -> None:
    """The journal holds it in English."""
    told = recognised("It is not said how Expert L was identified.", LACKS)
    omitted = Omission(words=told, reason="It was forgotten.", by="Clerk A", at=minutes().drawn_up)
    shown = str(page(minutes(omissions=(omitted,)), ("fr", "ru"), PAPERS))
    assert "Il n’est pas dit comment" in shown
    assert "Не указано, как была установлена личность" in shown
    assert "It is not said" not in shown


# --- every sentence is there -----------------------------------------------------------------------

UNTRANSLATED: dict[str, set[str]] = {}
"""What stands in English in a paper of another language, by language: nothing."""


def test_what_is_not_translated_is_stated_here() -> None:
    said = {str(one.id) for one in gathered(DOMAIN) if one.id}
    missing = {language: {one for one in said if PAPERS(language, one) is None} for language in LANGUAGES}
    assert {language: left for language, left in missing.items() if left} == UNTRANSLATED


def test_everything_that_the_course_may_tell_is_gathered() -> None:
    said = {str(one.id) for one in gathered(DOMAIN) if one.id}
    data = {value for value in EXAMPLE.values() if isinstance(value, str)}
    for kind in KINDS.values():
        if kind.type.partition(".")[0] in COURSE or kind.type in SEEN:
            for whole in (True, False):
                sentence = example(kind, whole=whole).sentence(named)
                assert templates(sentence) - said - data == set(), kind.type


def test_everything_that_the_page_says_is_gathered() -> None:
    asked: set[str] = set()

    def asking(language: str, template: str) -> str | None:
        asked.add(template)
        return PAPERS(language, template)

    for given in (long_minutes(), long_minutes(document="requesting"), minutes(**CAME_UP), minutes()):
        page(given, ("fr", "ru"), asking)
    assert len(asked) > 150
    assert {one for one in asked if PAPERS("ru", one) is None} == set()


def test_a_language_without_a_catalogue_is_english_and_an_unknown_sentence_is_none() -> None:
    assert PAPERS("en", "Anything.") == "Anything."
    assert PAPERS("fr", "Anything.") is PAPERS("nl", "Date and place") is None
    assert [one["lang"] for one in page(long_minutes(2), ("nl-BE", "es"), PAPERS)["languages"]] == [
        "en",
        "es",
    ]


# --- on paper ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("languages", PAIRS, ids="+".join)
def test_two_languages_stand_side_by_side_within_the_margins(
    tmp_path: Path, languages: tuple[str, str]
) -> None:
    pdf = drawn(tmp_path, languages)
    boxes = words(pdf)
    assert len(boxes) > 400
    assert min(box[0] for box in boxes) > MARGIN - 1
    assert max(box[2] for box in boxes) < WIDTH - MARGIN + 1
    assert min(box[1] for box in boxes) > 30
    assert max(box[3] for box in boxes) < HEIGHT - 30
    middle = WIDTH / 2
    assert sum(box[0] > middle for box in boxes) > 100 < sum(box[2] < middle for box in boxes)


def test_each_head_and_sentence_is_in_both_languages_and_what_was_quoted_once(tmp_path: Path) -> None:
    text = " ".join(printed(drawn(tmp_path, ("ru", "es")), "-layout").split())
    for both in (
        ("Протокол слушания по видеосвязи", "Acta de la audiencia por videoconferencia"),
        ("Технические условия", "Condiciones técnicas"),
        ("Ход слушания", "Desarrollo de la audiencia"),
        ("23 ноября 2026", "23 de noviembre de 2026"),
        ("Нидерланды", "Países Bajos"),
        ("Свидетель", "Testigo"),
        ("Clerk K. отмечает:", "Clerk K. hizo constar:"),
        ("Страница 1 из", "Página 1 de"),
        ("Подпись", "Firma"),
    ):
        assert set(both) <= {one for one in both if one in text}, both
    remarks = text.count(REMARK[:40])
    assert remarks == text.count("Clerk K. отмечает: Clerk K. hizo constar:") == 2
    assert text.count("Juro decir la verdad, toda la verdad y nada más que la verdad.") == 1
    assert text.count("0a" * 32) == 1


@pytest.mark.parametrize("languages", [("fr", "ar"), ("zh",)], ids="+".join)
def test_every_passage_has_its_language_and_the_document_its_own(
    tmp_path: Path, languages: tuple[str, ...]
) -> None:
    pdf = drawn(tmp_path, languages)
    with pdf.open("rb") as file:
        assert PdfFileReader(file).root["/Lang"] == languages[0]
    plain = subprocess.run(
        ["qpdf", "--qdf", "--object-streams=disable", pdf, "-"], capture_output=True, check=True
    )
    tags = set(re.findall(rb"/Lang \((\w+)\)", plain.stdout))
    assert {one.encode() for one in (*languages, "es")} == tags, "each language, and that of the oath"


def test_arabic_reads_from_right_to_left_and_has_the_column_on_the_right(tmp_path: Path) -> None:
    for languages in (("fr", "ar"), ("ar", "fr")):
        lines = printed(drawn(tmp_path, languages), "-layout").splitlines()
        (head,) = [line for line in lines if "Date et lieu" in line]
        assert head.index("Date et lieu") < max(head.find(char) for char in "التاريخ")


def test_a_long_course_breaks_well_over_its_pages(tmp_path: Path) -> None:
    """Heads of tables are repeated, no row is torn, no heading stands alone at the foot of a page."""
    pages = printed(drawn(tmp_path, ("en", "fr"), entries=200), "-layout").split("\f")[:-1]
    course = [one for one in pages if one.count("2026-11-23") > 10 and "What happened" in one]
    assert len(course) > 5
    for one in pages:
        remarks = one.count("Clerk K. noted:")
        assert one.count(LAST_WORD) == remarks
        *_, last, _foot = [line for line in one.splitlines() if line.strip()]
        assert not re.match(r"\s*\d+\s{3,}\S", last), "a heading at the foot"
    for before, after in pairwise(pages):
        if "What happened" in before and after.count("2026-11-23") > 20:
            assert "What happened" in after


def test_what_is_longer_than_a_page_goes_on_over_the_next(tmp_path: Path) -> None:
    words_of_it = " ".join(f"word{n}" for n in range(3000))
    pdf = drawn(tmp_path, ("en", "fr"), remark=words_of_it)
    text = printed(pdf)
    assert all(f"word{n}" in text for n in (0, 1500, 2999))
    assert max(box[3] for box in words(pdf)) < HEIGHT - 30


def test_the_record_of_the_requesting_court_is_another_document(tmp_path: Path) -> None:
    text = " ".join(printed(drawn(tmp_path, ("en", "es"), document="requesting")).split())
    assert text.index("Record of the requesting court") < text.index("Acta del tribunal requirente") < 120
    assert "Drawn up of the hearing by video link by the court that conducted it" in text
    assert "Minutes of a hearing by video link" not in text


OLD, OLDER = "Clerk K. noted that.", "Clerk K. wrote that down."


def test_what_was_worded_anew_says_who_did_it_and_keeps_what_stood_before() -> None:
    anew = {"by": "Clerk K.", "at": "2026-11-23T14:00:00.000Z"}
    reworded = {**anew, "language": "es", "words": "La secretaria K. lo anotó.", "old": [OLDER, OLD]}
    said = long_minutes(7).course[-1].model_dump(exclude={"reworded", "sentence"})
    sentence = long_minutes(7).course[-1].sentence
    given = minutes(course=[{**said, "sentence": sentence, "reworded": [reworded]}])
    blocks = [block for head in page(given, ("es", "ru"), PAPERS)["heads"] for block in head["blocks"]]
    ((row,),) = [block["rows"] for block in blocks if block["kind"] == "course"]
    (text,), notes = row["lines"], row["notes"]
    assert [voice["lang"] for voice in text] == ["es", "ru"]
    assert text[0]["runs"] == [{"text": "La secretaria K. lo anotó.", "lang": ""}]
    assert REMARK in text[1]["runs"][0]["text"], "in the other language it stays as it was"
    told = ["".join(run["text"] for run in note[0]["runs"]) for note in notes]
    assert told[0].startswith("Redacción modificada por Clerk K., 23 de noviembre de 2026, 09:00 (Lima")
    assert told[0].endswith(f"«{OLD}»")
    assert told[1] == f"Antes de eso: «{OLDER}»"
    assert draw_up(given, ("es", "ru"), PAPERS)


def test_the_same_minutes_give_the_same_bytes_in_two_languages() -> None:
    given = long_minutes()
    assert draw_up(given, ("fr", "ar"), PAPERS) == draw_up(given, ("fr", "ar"), Papers())
    assert draw_up(given, ("ar", "fr"), PAPERS) != draw_up(given, ("fr", "ar"), PAPERS)


# --- on a screen -----------------------------------------------------------------------------------------


class Told(HTMLParser):
    """The words of a page, with the languages in which they stand, and its tags."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.tags, self.langs = "", [], set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = dict(attrs)
        if given.get("lang"):
            self.langs.add((given["lang"], given.get("dir", "")))

    def handle_data(self, data: str) -> None:
        self.text += data


def on_screen(language: str, **changes: object) -> Told:
    made = Words().reader("ar" if language == "ar" else "en")
    source = '{% import "minutes.html" as paper %}{{ paper.document(said) }}'
    told = Told()
    told.feed(made._pages.from_string(source).render(said=page(long_minutes(**changes), (language,), PAPERS)))  # type: ignore[arg-type]
    told.close()
    return told


def test_the_minutes_can_be_read_on_a_screen_in_one_language() -> None:
    told = on_screen("ar")
    words_told = " ".join(told.text.split())
    for words_of_it in (
        "ملاحظة",
        "1. التاريخ والمكان",
        REMARK,
        "Juro decir la verdad",
        "0a" * 32,
    ):
        assert words_of_it in words_told
    assert {("ar", "rtl"), ("es", "ltr")} <= told.langs
    assert told.tags.count("table") >= 5
    assert told.tags.count("section") == len(page(long_minutes())["heads"])
    assert "blockquote" in told.tags


def test_what_people_wrote_never_becomes_a_part_of_the_page() -> None:
    told = on_screen("en", remark="<script>alert(1)</script>\n<b>x</b>")
    assert "<script>alert(1)</script>" in told.text
    assert not {"script", "b"} & set(told.tags)
