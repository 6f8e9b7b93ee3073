"""The minutes as a file: drawn up as PDF. `pades` seals it.

- The same minutes give the same bytes, on the same fonts: the file's date is `drawn_up`. A digest of
  unsigned minutes could therefore be guessed by who knows the facts; only sealed ones are published.
- The file is PDF/A-3a and PDF/UA-1, with the facts attached as canonical JSON (`minutes.json`), because
  text taken out of a page in Arabic comes in scrambled runs: machines read the attachment.
- A character that no installed font has stops the drawing (a blank box would be a falsified name), and
  the refusal says what to install. The facts stay in the journal; nothing is lost.

It blocks for a tenth of a second or so: call it in a thread.

Sources: ISO 19005-3 (PDF/A-3), ISO 14289-1 (PDF/UA-1).
"""

import json
import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import typst

from hearings.errors import Unreachable
from hearings.minutes import Minutes
from hearings.minutes_blocks import Block
from hearings.minutes_page import page
from hearings.sentences import say
from hearings.wording import Wording, english

BREAK_HERE = "\u200b"
"""Set into long runs; it has no glyph and needs none."""

UNBROKEN = 30
"""Letters in a row that fit into every column but the narrowest."""
_RUN = re.compile(
    rf'[^\s"\\\u2e80-\uffef]{{{UNBROKEN}}}'
)  # within a string of JSON; the East breaks anywhere

_TEMPLATE = Path(__file__).with_name("minutes.typ")
_PREFERRED_FONTS = (
    *("Libertinus Serif", "Noto Serif", "Noto Naskh Arabic", "Noto Serif Hebrew", "Noto Serif CJK SC"),
    *("Noto Sans CJK SC", "Droid Sans Fallback", "Noto Serif Devanagari", "Noto Serif Bengali"),
    *("Noto Serif Tamil", "Noto Serif Thai", "Noto Serif Georgian", "Noto Serif Armenian"),
    *("Noto Serif Ethiopic", "Noto Sans", "DejaVu Sans"),
)
_DRAWABLE = frozenset(map(chr, range(0x20, 0x7F)))


def draw_up(minutes: Minutes, languages: Sequence[str] = ("en",), wording: Wording = english) -> bytes:
    """The minutes as an unsigned PDF, in one language, or in two side by side.

    It ends with a newline, which PDF/A wants before what a seal appends. A symbol that no font here can draw
    is shown by its Unicode number (the attached facts have it as it was said); so is a letter of a script for
    which there is no font even in the package that should have it.
    Raises: Unreachable if a font can be installed for a character, naming all such and the package.
    """
    numbered: frozenset[str] = frozenset()
    while True:
        try:
            return _drawn(minutes, page(minutes, languages, wording, numbered=numbered))
        except typst.TypstError as error:
            _fonts.cache_clear()  # so that a font that is installed now is found at the next attempt
            missing = _missing(error.diagnostic)
            if not missing or missing <= numbered or any(_can_be_installed(char) for char in missing):
                raise _refusal(missing, error.diagnostic) from error
            numbered |= missing


def _drawn(minutes: Minutes, said: Block) -> bytes:
    fonts = _fonts()
    families = set(fonts.families())
    pdf = typst.compile(
        _TEMPLATE,
        format="pdf",
        font_paths=fonts,
        sys_inputs={
            "page": _RUN.sub(rf"\g<0>{BREAK_HERE}", json.dumps(said, ensure_ascii=False)),
            "facts": minutes.canonical().decode(),
            "fonts": json.dumps([family for family in _PREFERRED_FONTS if family in families]),
        },
        pdf_standards=["a-3a", "ua-1"],
        timestamp=int(minutes.drawn_up.timestamp()),
    )
    return bytes(pdf) + b"\n"


def _missing(diagnostic: str) -> frozenset[str]:
    clusters = re.findall(r'text `"(.+?)"` could not', diagnostic)
    return frozenset({char for cluster in clusters for char in _read(cluster)} - {BREAK_HERE} - _DRAWABLE)


def _can_be_installed(char: str) -> bool:
    """Whether it is a letter, of a script whose package of fonts is not here yet."""
    marks = {"fonts-noto-cjk": ("Noto Sans CJK", "Noto Serif CJK"), "fonts-noto-core": ("Noto Naskh Arabic",)}
    here = any(family.startswith(marks.get(_package(char), ())) for family in _fonts().families())
    return unicodedata.category(char).startswith("L") and not here


def _refusal(missing: frozenset[str], diagnostic: str) -> Unreachable:
    if not missing:
        return Unreachable(say("The minutes could not be laid out. Nothing is lost."), hints=(diagnostic,))
    named = ", ".join(f"{char} (U+{ord(char):04X})" for char in sorted(missing))
    packages = " and ".join(sorted({_package(char) for char in missing}))
    return Unreachable(
        say(
            "The minutes cannot be drawn up yet: no font on this machine has {named}. Nothing is lost; whoever runs the "
            "service must install {packages}, then draw them up again.",
            named=named,
            packages=packages,
        )
    )


def _read(text: str) -> str:
    return re.sub(r"\\u\{([0-9a-f]+)\}", lambda found: chr(int(found[1], 16)), text)


def _package(char: str) -> str:
    """The Debian package with a font for the script."""
    eastern = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC", "FULLWIDTH", "HALFWIDTH")
    if unicodedata.name(char, "").startswith(eastern):
        return "fonts-noto-cjk"
    if ord(char) >= 0x1F000:
        return "fonts-symbola"
    return "fonts-noto-core"


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts()
