"""A name is found however it is written, and ordinary words are left alone."""

import unicodedata
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearings.terms import NOBODY, Traits, terms

NAMES = ("Mario Rossi", "Ünlü Özgür", "Maeve O'Brien-Smith", "محمد عليوي", "王小明", "Иван Петров", "Ana Li")
SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in capitals": str.upper,
    "in small letters": str.lower,
    "decomposed": lambda name: unicodedata.normalize("NFD", name),
    "in a file's name": lambda name: name.replace(" ", "_") + "_statement.pdf",
    "percent-encoded": lambda name: quote(name) + ".pdf",
    "spaced out": lambda name: " ".join(name.replace(" ", "")),
    "run together": lambda name: name.replace(" ", ""),
    "over two lines": lambda name: name.replace(" ", "\n"),
    "with invisible letters": "\u200b".join,
    "with soft hyphens": "\u00ad".join,
    "the other way round": lambda name: ", ".join(reversed(name.split())),
    "fullwidth": lambda name: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in name),
    "in bold letters of mathematics": lambda name: "".join(
        chr(0x1D400 + ord(c) - ord("A")) if "A" <= c <= "Z" else c for c in name
    ),
    "quoted": lambda name: f"&quot;{name}&quot;",
    "in the possessive": lambda name: f"{name}'s",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_found_however_it_is_written(name: str, spelling: str) -> None:
    found = terms([Traits((name,))])
    assert found.within(f"Then {SPELLINGS[spelling](name)} spoke.")
    assert found.within({"a": [1, {"b": SPELLINGS[spelling](name)}]})
    assert not found.within("Then the person heard spoke of a banana, at length, in the national park.")


@pytest.mark.parametrize("part", ["Rossi", "rossi", "Rossis", "ROSSI-Bianchi", "Mario"])
def test_a_part_of_a_name_is_found(part: str) -> None:
    assert terms([Traits(("Mario Rossi",))]).within(f"We know {part} well.")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Ana Li", "Ana came."),
        ("Müller", "Mueller came."),
        ("Mueller", "Müller came."),
        ("Søren Ærø", "Soren came"),
        ("Łukasz", "lukasz"),
        ("Иван Петров", "с Петровым"),
    ],
)
def test_short_and_foreign_parts_are_found(name: str, text: str) -> None:
    assert terms([Traits((name,))]).within(text)


@pytest.mark.parametrize(
    "name", ["Witness A", "Person heard 2", "Witness", "Lawyer van der B", "the interpreter"]
)
def test_words_of_office_hide_nobody(name: str) -> None:
    found = terms([Traits((name,))])
    for text in (
        "The witness answered.",
        "A lawyer of the person heard spoke.",
        "van, der, the interpreters",
    ):
        assert not found.within(text), text
    if name == "Witness A":
        assert found.within("WITNESS  a")
        assert found.within("witness_a.pdf")


def test_places_and_addresses_are_found_and_what_is_no_secret_is_not() -> None:
    one = Traits(
        ("Mario Rossi",), ("Court of Exampleton, Room 12, Hidden Lane",), ("m.rossi@exampleton.invalid",)
    )
    found = terms([one], known=["Court of Exampleton"])
    for text in ("hidden  lane", "in Room 12.", "M.ROSSI@exampleton.invalid"):
        assert found.within(text), text
    for text in ("Court of Exampleton", "Room 13", "clerk@exampleton.invalid", "a court room"):
        assert not found.within(text), text


def test_of_nobody_nothing_is_found() -> None:
    assert not NOBODY.within("Mario Rossi")
    assert terms([]).raw == ()


@settings(max_examples=25)
@given(
    st.sampled_from(NAMES),
    st.lists(st.sampled_from(sorted(SPELLINGS)), min_size=1, max_size=2),
    st.text(max_size=20),
    st.text(max_size=20),
)
def test_nor_does_it_matter_what_stands_around_it(name: str, how: list[str], before: str, after: str) -> None:
    written = name
    for one in how:
        written = SPELLINGS[one](written)
    found = terms([Traits((name,))])
    assert found.within(f"{before} {written} {after}") or not found.within(written)


def test_bytes_are_looked_for_in_every_encoding() -> None:
    raw = terms([Traits(("Ünlü Özgür",))]).raw
    for text in ("ÜNLÜ ÖZGÜR", "ünlü_özgür", "Özgür, Ünlü", unicodedata.normalize("NFD", "ünlü özgür")):
        for code in ("utf-8", "utf-16-be", "utf-16-le"):
            data = b"\x00\x01" + text.encode(code) + b"\xff"
            assert any(needle in data.lower() for needle in raw), (text, code)


def test_a_letter_beside_a_word_of_office_is_looked_for_as_words_and_not_in_bytes() -> None:
    """The public minutes say "the interpreter confirmed", and of that nobody is known."""
    found = terms([Traits(names=("Interpreter C",))])
    assert not any(code in b"the interpreter confirmed for the person heard" for code in found.raw)
    assert found.within("Here spoke interpreter C.")
    assert not found.within("the interpreter confirmed for the person heard")
    assert b"interpreter ng" not in found.raw
    assert b"interpreter nguyen" in terms([Traits(names=("Interpreter Nguyen",))]).raw
