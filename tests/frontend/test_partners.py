"""The setting that says which courts are known."""

import pytest

from frontend.partners import Known, read_partners
from frontend.settings import Settings

SEAL, OTHER = "a" * 64, "B2" * 32


def test_a_court_is_named_with_its_address_and_its_seals():
    spaced = ":".join(OTHER[n : n + 2] for n in range(0, 64, 2))
    told = f" Court of Samplia | https://court.samplia.example/ | {SEAL} {spaced} ; Court A|http://127.0.0.1:81|{'0' * 64};"
    assert read_partners(told) == (
        Known("Court of Samplia", "https://court.samplia.example", frozenset({SEAL, OTHER.lower()})),
        Known("Court A", "http://127.0.0.1:81", frozenset({"0" * 64})),
    )
    assert read_partners("") == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Court", "name | https"),
        (f"|https://a.example|{SEAL}", "name | https"),
        (f"{'x' * 181}|https://a.example|{SEAL}", "name | https"),
        (f"A|ftp://a.example|{SEAL}", "https://court.example"),
        (f"A|https://a.example/path|{SEAL}", "https://court.example"),
        (f"A|https://user@a.example|{SEAL}", "https://court.example"),
        ("A|https://a.example|", "64 hexadecimal"),
        ("A|https://a.example|abc", "64 hexadecimal"),
        (f"A|https://a.example|{SEAL};a|https://b.example|{OTHER}", "twice"),
        (f"A|https://a.example|{SEAL};B|https://b.example|{SEAL}", "twice"),
    ],
)
def test_anything_else_is_refused_with_a_sentence(text: str, words: str):
    with pytest.raises(ValueError, match=words.replace("|", r"\|")):
        read_partners(text)


def test_another_machine_is_asked_over_https_alone():
    with pytest.raises(ValueError, match="VIVAVOCE_PARTNERS: A is asked over https"):
        Settings(partners=f"A|http://court.samplia.example|{SEAL}")
    assert Settings(partners=f"A|http://localhost:8081|{SEAL}").known_partners[0].name == "A"
    with pytest.raises(ValueError, match="VIVAVOCE_PARTNERS"):
        Settings(partners="A")
