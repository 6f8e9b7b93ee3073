"""Minutes drawn up, and read back with other people's tools (poppler, qpdf)."""

import subprocess
from io import BytesIO
from pathlib import Path

import pytest
import typst
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from pyhanko.pdf_utils.reader import PdfFileReader

from hearings import minutes_pdf
from hearings.errors import Unreachable
from hearings.minutes import Minutes, Oath, Safeguard, Seat
from hearings.minutes_page import page
from hearings.minutes_pdf import draw_up
from hearings.roles import Side
from hearings.wording import Text


def t(hour: int, minute: int = 0, second: int = 0) -> str:
    return f"2026-11-23T{hour:02}:{minute:02}:{second:02}.000Z"


ARTICLE = "Directive 2014/41/EU, Article 24(6)"
FACTS = {
    "hearing": "urn:uuid:0b1c2d3e-4f50-4617-8899-aabbccddeeff",
    "drawn_up": t(12, 40),
    "drawn_up_by": "Court of Samplia",
    "matter": "Matter 12/2026",
    "basis": ["Directive 2014/41/EU, Article 24", "Directive 2010/64/EU, Article 7"],
    "sources": dict.fromkeys(
        ["date_and_place", "person_heard", "participants", "oaths", "technical"], ARTICLE
    ),
    "requesting": {
        "side": "requesting",
        "authority": "Court of Exampleton",
        "place": "Courtroom 4, Amsterdam",
        "state": "Netherlands",
        "zone": "Europe/Amsterdam",
        "reference": "13/998877-26",
    },
    "requested": {
        "side": "requested",
        "authority": "Court of Samplia",
        "place": "Video room 2, Lima",
        "state": "Peru",
        "zone": "America/Lima",
        "reference": "00412-2026-0",
    },
    "sittings": [{"begin": t(9, 2), "end": t(10, 31)}, {"begin": t(10, 52), "end": t(12, 20)}],
    "heard": [
        {
            "name": "Wítness Ñ",
            "capacity": "witness",
            "particulars": [{"label": "Nationality", "value": "Peruvian"}],
            "identified_how": "National identity card",
            "identified_by": "Magistrate B, judge",
            "identified_at": t(9, 4),
        }
    ],
    "participants": [
        {
            "name": "Magistrate B",
            "function": "Judge, authority present",
            "side": "requested",
            "identified": "known to the court",
            "presence": [{"entered": t(8, 58)}],
        },
        {
            "name": "Lucía Ferro",
            "function": "Interpreter",
            "side": "requested",
            "presence": [{"entered": t(8, 59), "left": t(10, 29)}, {"entered": t(10, 50)}],
        },
        {"name": "Maria van den Berg", "function": "Presiding judge", "side": "requesting"},
    ],
    "oaths": [
        {
            "name": "Wítness Ñ",
            "taken": True,
            "formula": "Juro decir la verdad.",
            "language": "es",
            "administered_by": "Magistrate B",
            "at": t(9, 9),
        },
        {"name": "Lucía Ferro", "taken": False, "reason": "Sworn once for all."},
    ],
    "technical": {
        "platform": "Viva Voce",
        "version": "0.1.0",
        "codecs": ["Opus", "VP8"],
        "encryption": "DTLS-SRTP on every link",
        "further": [{"label": "Round trip", "value": "182 ms median"}],
        "recordings": [
            {"path": "data/media/k3v7q2ma-audio-1.pcapng", "sha256": "0a" * 32, "content": "sound"}
        ],
        "interruptions": [
            {"begin": t(10, 29, 40), "end": t(10, 52, 3), "what": "Suspended", "reason": "Interpreter lost"}
        ],
    },
    "safeguards": [
        {
            "requirement": "Authority present",
            "article": "Article 24(5)(a)",
            "outcome": "met",
            "by": "Magistrate B",
            "at": t(9),
        },
        {
            "requirement": "Protection agreed",
            "article": "Article 24(5)(b)",
            "outcome": "overridden",
            "by": "M. van den Berg",
            "at": t(9),
            "reason": "Not asked for",
        },
    ],
    "course": [
        {"at": t(9, 2), "sentence": "The presiding judge went on the record."},
        {"at": t(10, 12), "sentence": "«No lo recuerdo.»", "language": "es"},
    ],
    "signatory": {
        "name": "Magistrate B",
        "function": "Judge",
        "authority": "Court of Samplia",
        "place": "Lima",
    },
}


def minutes(**changes) -> Minutes:
    return Minutes.model_validate({**FACTS, **changes})


def about(name: str) -> Minutes:
    return minutes(heard=[{**FACTS["heard"][0], "name": name}])


def plain(said):
    """The same structure, with each text as its words in the first language."""
    if isinstance(said, Text):
        return "".join(run["text"] for run in said[0]["runs"]) if said else ""
    if isinstance(said, list):
        return [plain(each) for each in said]
    if isinstance(said, dict):
        return {name: plain(each) for name, each in said.items()}
    return said


def paper(given: Minutes) -> dict:
    return plain(page(given))


def rows(table: dict) -> list:
    return [row["cells"] for row in table["rows"]]


def tool(*command: str, pdf: bytes, folder: Path) -> str:
    file = folder / "minutes.pdf"
    file.write_bytes(pdf)
    done = subprocess.run([*command[:-1], str(file), command[-1]], capture_output=True, check=True)
    return done.stdout.decode()


def printed(pdf: bytes, folder: Path) -> str:
    return tool("pdftotext", "-layout", "-", pdf=pdf, folder=folder)


@pytest.fixture
def built_in_fonts_only(monkeypatch):
    fonts = typst.Fonts(include_system_fonts=False)

    def only() -> typst.Fonts:
        return fonts

    only.cache_clear = lambda: None
    monkeypatch.setattr(minutes_pdf, "_fonts", only)


def test_the_five_heads_stand_in_order_each_with_its_source(tmp_path, built_in_fonts_only):
    text = printed(draw_up(minutes()), tmp_path)
    heads = [
        "1    Date and place",
        "2    Identity of the person heard",
        "3    Other persons taking part",
        "4    Oaths",
        "5    Technical conditions",
        "6    Notices and declarations",
        "7    Course of the hearing",
        "8    Safeguards",
    ]
    lines = [" ".join(line.split()) for line in text.splitlines()]
    at = [lines.index(" ".join(head.split())) for head in heads]
    assert at == sorted(at)
    assert lines.count(ARTICLE) == 5


def test_everything_that_was_given_is_on_the_paper(tmp_path, built_in_fonts_only):
    text = " ".join(printed(draw_up(minutes()), tmp_path).split())
    for words in (
        *("13/998877-26", "00412-2026-0", "Directive 2010/64/EU, Article 7", "Courtroom 4, Amsterdam"),
        *(
            "23 November 2026, 10:02 (UTC+01:00)",
            "23 November 2026, 04:02 (UTC−05:00)",
            "Witness",
            "Peruvian",
        ),
        *("National identity card", "Magistrate B, judge", "Judge, authority present", "known to the court"),
        *("Amsterdam 23 Nov, 09:59 – 11:29", "Lima 23 Nov, 05:50 – the end", "Juro decir la verdad."),
        *(
            "Sworn once for all.",
            "Viva Voce, version 0.1.0",
            "Opus VP8",
            "DTLS-SRTP",
            "182 ms median",
            "0a" * 32,
        ),
        *(
            "data/media/k3v7q2ma-audio-1.pcapng",
            "Amsterdam 23 Nov, 11:29:40",
            "Interpreter lost",
            "Not asked for",
        ),
        *(
            "Overridden: M. van den Berg",
            "«No lo recuerdo.»",
            "Signature",
            FACTS["hearing"],
            "Matter 12/2026",
        ),
    ):
        assert words in text


def test_the_same_minutes_give_the_same_bytes_dated_by_themselves(tmp_path):
    first = draw_up(minutes())
    minutes_pdf._fonts.cache_clear()
    assert draw_up(minutes()) == first
    assert first.endswith(b"%%EOF\n")
    info = PdfFileReader(BytesIO(first)).trailer["/Info"]
    assert "20261123124000" in str(info["/CreationDate"])
    assert draw_up(minutes(matter="Matter 13/2026")) != first


def test_the_structure_is_sound_tagged_and_has_a_language(tmp_path):
    pdf = draw_up(minutes())
    assert "No syntax or stream encoding errors" in tool("qpdf", "--check", pdf=pdf, folder=tmp_path)
    root = PdfFileReader(BytesIO(pdf)).root
    assert root["/Lang"] == "en"
    assert root["/MarkInfo"]["/Marked"]
    metadata = root["/Metadata"].data
    for mark in (b"<pdfaid:part>3<", b"<pdfaid:conformance>A<", b"<pdfuaid:part>1<"):
        assert mark in metadata


def test_the_facts_are_attached_for_machines(tmp_path):
    given = about("محمد الحسيني")
    pdf = tmp_path / "minutes.pdf"
    pdf.write_bytes(draw_up(given))
    subprocess.run(["pdfdetach", "-savefile", "minutes.json", "-o", tmp_path / "out.json", pdf], check=True)
    attached = (tmp_path / "out.json").read_bytes()
    assert attached == given.canonical()
    assert Minutes.model_validate_json(attached) == given


HOSTILE = r"""#read("/etc/passwd") $a$ \ ` _* <b> [x] //-- @ref \u{202e} "'"""


def test_hostile_names_print_as_they_are(tmp_path, built_in_fonts_only):
    text = printed(draw_up(about(HOSTILE)), tmp_path)
    assert HOSTILE in text
    assert "root:" not in text


def test_what_has_no_shape_or_turns_the_line_is_printed_as_its_number(tmp_path, built_in_fonts_only):
    text = printed(draw_up(about("Ana\u202e\x00 \ue000\u2066 \U000e0fff")), tmp_path)
    assert "Ana‹U+202E›‹U+0000› ‹U+E000›‹U+2066› ‹U+E0FFF›" in text


def test_a_run_without_spaces_stays_on_the_page(tmp_path, built_in_fonts_only):
    boxes = tool("pdftotext", "-bbox", "-", pdf=draw_up(about("x" * 400)), folder=tmp_path)
    rights = [float(part.split('"')[0]) for part in boxes.split('xMax="')[1:]]
    assert 300 < max(rights) < 525  # A4 is 595 points wide, its margins 71


latin = st.characters(max_codepoint=0x17F)
odd = st.characters(categories=("Cc", "Co", "Zs", "Zl", "Zp"), exclude_characters="\u1680")


@settings(max_examples=15, deadline=None)
@given(st.text(st.one_of(latin, odd), min_size=1, max_size=60))
def test_no_words_stop_the_minutes(name):
    assert draw_up(about(name)).startswith(b"%PDF-1.7")


@pytest.mark.parametrize(
    "name", ["محمد بن عبد الله", "Ольга Шевченко", "Νίκος Ιωάννου", "ნინო", "יעל", "தமிழ்", "अनिता"]
)
def test_names_in_the_scripts_of_the_core_fonts_are_drawn(name):
    assert draw_up(about(name))


@pytest.mark.parametrize("name", ["张伟", "さくら", "김민준"])
def test_eastern_names_are_drawn_or_the_package_is_named(name):
    try:
        assert draw_up(about(name)).startswith(b"%PDF")
    except Unreachable as refused:
        assert "fonts-noto-cjk" in str(refused)


def test_a_missing_font_is_a_refusal_that_says_what_to_do(built_in_fonts_only):
    with pytest.raises(Unreachable) as refused:
        draw_up(about("Ana 张伟 த"))
    assert str(refused.value) == (
        "The minutes cannot be drawn up yet: no font on this machine has த (U+0BA4), 伟 (U+4F1F), 张 (U+5F20). "
        "Nothing is lost; whoever runs the service must install fonts-noto-cjk and fonts-noto-core, then draw them "
        "up again."
    )


def test_a_font_that_is_installed_later_is_found(monkeypatch):
    few, all_there = typst.Fonts(include_system_fonts=False), typst.Fonts()
    monkeypatch.setattr(typst, "Fonts", lambda: few)
    minutes_pdf._fonts.cache_clear()
    with pytest.raises(Unreachable, match="fonts-noto-core"):
        draw_up(about("தமிழ்"))
    monkeypatch.setattr(typst, "Fonts", lambda: all_there)
    assert draw_up(about("தமிழ்"))


def connection(**changes) -> dict:
    worst = {"begin": t(9, 2, 10), "end": t(9, 2, 20), "grade": "good", "score": 88, "lost": 4, "jitter": 3}
    calm = {"name": "Wítness Ñ", "what": "sound", "good": 600_000, "weak": 0, "bad": 0, "lost": 1}
    return {**calm, "trip": 182, "stops": 0, "stopped": 0, "worst": {**worst, "trip": 190}, **changes}


def measured(*connections: dict) -> Minutes:
    return minutes(
        technical={**FACTS["technical"], "connections": connections, "measured": "How it was measured."}
    )


def test_connections_are_told_in_a_row_each(tmp_path, built_in_fonts_only):
    worst = {"begin": t(9, 2, 10), "end": t(9, 2, 20), "grade": "bad", "score": 20, "lost": 125, "jitter": 30}
    bad = connection(
        what="picture",
        good=597_000,
        weak=1000,
        bad=2000,
        stops=2,
        stopped=4300,
        worst={**worst, "frames": 3, "stopped": 4000},
    )
    heard = connection(what="hearing the others", trip=None, stops=None, stopped=None)
    *_, table, method = paper(measured(connection(), bad, heard))["heads"][4]["blocks"]
    assert rows(table) == [
        [["Wítness Ñ: sound"], ["100, 0, 0 %"], ["0.1 %"], ["182 ms"], ["0"], ["good: 0.4 % lost, 190 ms"]],
        [
            *(["Wítness Ñ: picture"], [">99, <1, <1 %"], ["0.1 %"], ["182 ms"], ["2×, 4.3 s"]),
            [
                *("Amsterdam 23 Nov, 10:02:10", "Lima 23 Nov, 04:02:10"),
                "bad: 12.5 % lost, 3 pictures/s, stopped 4.0 s",
            ],
        ],
        [
            *(["Wítness Ñ: hearing the others"], ["100, 0, 0 %"], ["0.1 %"], ["–"], ["–"]),
            ["good: 0.4 % lost, 190 ms"],
        ],
    ]
    assert method["lines"] == ["How it was measured."]
    text = " ".join(printed(draw_up(measured(bad)), tmp_path).split())
    for words in (
        "Worst ten seconds",
        ">99, <1, <1 %",
        "2×, 4.3 s",
        "12.5 % lost",
        "How it was measured.",
    ):
        assert words in text


def test_where_nothing_was_measured_nothing_is_said_of_it():
    assert "Connections" not in str(page(minutes())["heads"][4])


def test_every_time_is_on_both_clocks_unless_they_are_one():
    course = paper(minutes())["heads"][6]["blocks"][0]
    assert course["columns"] == ["Amsterdam", "Lima"]
    assert course["rows"][0]["times"] == [["23 Nov, 10:02"], ["23 Nov, 04:02"]]
    same = paper(minutes(requested={**FACTS["requested"], "zone": "Europe/Amsterdam"}))
    assert same["heads"][6]["blocks"][0]["columns"] == ["Amsterdam"]


def test_a_stay_that_ends_on_another_day_says_so():
    person = {**FACTS["participants"][0], "presence": [{"entered": t(22, 30), "left": t(23, 30)}]}
    (told,) = rows(paper(minutes(participants=[person]))["heads"][2]["blocks"][0])
    assert told[2] == ["Amsterdam 23 Nov, 23:30 – 24 Nov, 00:30", "Lima 23 Nov, 17:30 – 18:30"]


def test_words_carry_their_language_and_direction():
    said = [{"at": t(9), "sentence": "نعم.\nلا.", "language": "ar-EG"}]
    (row,) = page(minutes(course=said))["heads"][6]["blocks"][0]["rows"]
    ((voice,),) = row["lines"]
    assert (voice["lang"], voice["region"], voice["dir"]) == ("ar", "EG", "rtl")
    assert voice["runs"] == [{"text": "نعم.\nلا.", "lang": ""}]
    assert draw_up(minutes(course=said))


def test_empty_heads_are_still_there(tmp_path, built_in_fonts_only):
    bare = minutes(
        participants=[],
        oaths=[],
        safeguards=[],
        course=[],
        technical={**FACTS["technical"], "recordings": [], "interruptions": []},
    )
    text = printed(draw_up(bare), tmp_path)
    assert text.count("None.") == 6
    assert "No oath is recorded." in text


ANSWERED = {"by": "Judge A", "at": t(9, 31), "words": "Article 80."}
CAME_UP = {
    "warnings": [
        {
            "name": "Wítness Ñ",
            "law": "the law of the requested State",
            "words": "Perjury is punished.",
            "by": "Magistrate B",
            "at": t(9, 10),
        }
    ],
    "interventions": [
        {
            "by": "Magistrate B",
            "at": t(9, 40),
            "ground": "A privileged letter is read out.",
            "measure": "The letter is put away.",
            "article": "Directive 2014/41/EU, Article 24(5)(a)",
            "suspended": True,
            "settled": [{**ANSWERED, "outcome": "the hearing goes on"}],
        },
        {
            "by": "Magistrate B",
            "at": t(9, 50),
            "ground": "x",
            "measure": "y",
            "suspended": False,
        },
    ],
    "claims": [
        {
            "name": "Wítness Ñ",
            "by": "Lucía Ferro",
            "at": t(9, 30),
            "law": "the law of either State",
            "question": "Who wrote it?",
            "ruled": {**ANSWERED, "outcome": "upheld"},
        },
        {"name": "Wítness Ñ", "by": "Wítness Ñ", "at": t(9, 32), "law": "the law of either State"},
    ],
    "objections": [
        {
            "by": "Wítness Ñ",
            "at": t(9, 45),
            "words": "“Uncle” became “father”.",
            "decided": {**ANSWERED, "outcome": "it is said again"},
        }
    ],
    "exhibits": [
        {"number": "7", "shown": True, "words": "The letter.", "by": "Clerk A", "at": t(9, 41)},
        {"number": "8", "shown": False, "words": "It is privileged.", "by": "Clerk A", "at": t(9, 42)},
    ],
    "conducts": [
        {
            "name": "Wítness Ñ",
            "what": "a refusal to testify",
            "words": "No reason was given.",
            "by": "Magistrate B",
            "at": t(9, 55),
        }
    ],
    "identities": [
        {"name": "Wítness Ñ", "means": "By sight.", "by": "Magistrate B", "at": t(10, 51)},
        {
            "name": "Wítness Ñ",
            "means": "By voice.",
            "company": "Lawyer F",
            "by": "Magistrate B",
            "at": t(10, 59),
        },
    ],
}


def test_what_came_up_has_heads_of_its_own_and_none_where_nothing_did(tmp_path, built_in_fonts_only):
    text = " ".join(printed(draw_up(minutes(**CAME_UP)), tmp_path).split())
    for words in (
        *("7 Warnings", "8 Interventions of the authority present", "9 Claims of a right not to testify"),
        *(
            "10 Objections to the interpretation",
            "11 Identified anew after a loss",
            "12 Exhibits",
            "13 For the authorities of the requested State",
            "14 Course of the hearing",
        ),
        *("the law of the requested State", "Perjury is punished.", "The hearing stood still."),
        *("A privileged letter is read out.", "The letter is put away.", "The hearing went on.", "Open."),
        *("The hearing goes on: Judge A", "Article 80.", "Upheld: Judge A", "Who wrote it?", "Lucía Ferro"),
        *("The last that was put.", "“Uncle” became “father”.", "It is said again: Judge A"),
        *(
            "By sight.",
            "Alone.",
            "By voice.",
            "Lawyer F",
            "The letter.",
            "Not shown",
            "A refusal to testify",
            "Clerk A",
            "23 November 2026, 10:31",
        ),
    ):
        assert words in text, words
    assert "Warnings" not in [head["title"] for head in paper(minutes())["heads"]]


def test_the_form_of_an_oath_is_told(tmp_path, built_in_fonts_only):
    oath = {**FACTS["oaths"][0], "form": "affirmation"}
    assert "Affirmation" in printed(draw_up(minutes(oaths=[oath])), tmp_path)


def test_every_declaration_is_told_with_its_digest_and_when_it_was_taken_back():
    asked = {
        "name": "Accused A",
        "what": "Being heard by video link",
        "text": "Text video, version 1",
        "language": "ar",
        "sha256": "0123456789abcdef" * 4,
        "sample": True,
        "asked": t(9),
        "asked_by": "Magistrate B",
    }
    answered = {**asked, "answer": "yes", "answered": t(9, 5), "how": ["Signed in the browser"]}
    back = {**answered, "revoked": t(9, 30, 7), "revoked_by": "Counsel F"}
    (table,) = paper(minutes(declarations=[asked, back]))["heads"][5]["blocks"]
    first, second = rows(table)
    assert first[0] == ["Accused A", "Asked by Magistrate B", "Amsterdam 23 Nov, 10:00", "Lima 23 Nov, 04:00"]
    assert first[1][1:] == [
        "Text video, version 1, in Arabic",
        "SHA-256 0123456789ab…",
        "Sample, not approved",
    ]
    assert first[2] == ["Not answered"]
    assert second[2][:4] == ["Yes", "Amsterdam 23 Nov, 10:05", "Lima 23 Nov, 04:05", "Signed in the browser"]
    assert second[2][4:] == [
        *("Taken back, written down by Counsel F", "Amsterdam 23 Nov, 10:30:07", "Lima 23 Nov, 04:30:07")
    ]
    assert draw_up(minutes(declarations=[asked, back]))
    assert "No notice was given" in str(page(minutes())["heads"][5])


def test_what_was_left_out_has_a_reason():
    for taken in ({"taken": True, "at": t(9)}, {"taken": True, "formula": "x"}, {"taken": False}):
        with pytest.raises(ValidationError):
            Oath.model_validate({"name": "Ana", **taken})
    with pytest.raises(ValidationError):
        Safeguard.model_validate({**FACTS["safeguards"][1], "reason": None})
    with pytest.raises(ValidationError):
        minutes(sittings=[])


def test_text_is_composed_so_that_equal_names_are_equal():
    assert about("Nu\u0301n\u0303ez").heard[0].name == "Núñez"
    assert Seat.model_validate(FACTS["requested"]).side is Side.REQUESTED


def test_a_symbol_that_no_font_has_never_holds_up_the_minutes(tmp_path) -> None:
    said = printed(draw_up(about("Wítness \u20e3 \U000f1234")), tmp_path)
    assert "Wítness" in said
    assert "U+F1234" in said
    assert "U+20E3" in said or "\u20e3" in said
