"""Finds a person in what somebody wrote: names, addresses and places, however they are spelled, spaced or encoded. Pure.

A text and a name are compared without case, accents, punctuation and invisible characters, and with ä as a and as ae.
A name is found whole, and by each of its parts of three letters and more: short ones as whole words, longer ones also
within a word (declined, run together, spaced out), in scripts without spaces anywhere. Words of office ("witness") and
particles ("van") say of nobody who they are, so they are no parts.

Too much is found rather than too little: whoever shares a first name with a protected person is concealed with them.

Source: Unicode 15 (UAX 15), normalisation form KD.
"""

import html
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import unquote

from hearings.roles import OFFICE, Capacity

SHORTEST = 3
LONG = 5
SHORTEST_IN_BYTES, SHORTEST_IN_MEDIA = 6, 8
"""Fewer bytes stand by chance in whatever is random, and long."""

_PARTICLES = frozenset(
    [
        "abu",
        "and",
        "ben",
        "bin",
        "das",
        "del",
        "della",
        "den",
        "der",
        "des",
        "dos",
        "dr",
        "frau",
        "herr",
        "ibn",
        "las",
        "los",
        "mme",
        "mrs",
        "prof",
        "san",
        "sir",
        "ter",
        "the",
        "van",
        "von",
        "zum",
        "zur",
    ]
)
_OF_PLACES = frozenset(
    [
        "avenue",
        "building",
        "city",
        "court",
        "courtroom",
        "desk",
        "district",
        "floor",
        "hall",
        "hearing",
        "house",
        "link",
        "mobile",
        "number",
        "office",
        "online",
        "phone",
        "place",
        "police",
        "prison",
        "prosecution",
        "public",
        "remote",
        "room",
        "seat",
        "service",
        "state",
        "station",
        "street",
        "town",
        "video",
        "with",
    ]
)
_OF_OFFICE = frozenset(re.findall(r"[a-z]+", " ".join([*OFFICE.values(), *Capacity]).lower())) | _OF_PLACES
_EXPANDED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa"})
_PLAIN = str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ı": "i", "ð": "d", "þ": "th"})
_ALPHABETIC = ("LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "GEORGIAN")


class Traits(NamedTuple):
    """What is known of somebody, and would show who they are: names, where they are, addresses of mail."""

    names: tuple[str, ...]
    places: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Terms:
    """By what people are found: `phrases`, words one after another; `words`; `stems`, anywhere in a text. `raw`: what is
    looked for in bytes; `few`: what of it in those of recordings, which are too long to look for all.
    """

    phrases: frozenset[str]
    words: frozenset[str]
    stems: frozenset[str]
    raw: tuple[bytes, ...]
    few: tuple[bytes, ...]

    def within(self, value: Any) -> bool:
        """Whether any text in a value of JSON tells of one of them."""
        match value:
            case str():
                return self._in_text(value)
            case list() | tuple():
                return any(self.within(item) for item in value)
            case dict():
                return any(self.within(item) for pair in value.items() for item in pair)
        return False

    def in_phrases(self, text: str) -> bool:
        """Whether a text that is partly of our own words holds a whole name, place or address."""
        spaced = [f" {' '.join(words)} " for words in _readings(text)]
        return any(f" {phrase} " in one for one in spaced for phrase in self.phrases)

    def _in_text(self, text: str) -> bool:
        return any(self._in_words(words) for words in _readings(text))

    def _in_words(self, words: list[str]) -> bool:
        squeezed, spaced = "".join(words), f" {' '.join(words)} "
        return (
            any(stem in squeezed for stem in self.stems)
            or not self.words.isdisjoint(_joined(words))
            or any(f" {phrase} " in spaced for phrase in self.phrases)
        )


NOBODY = Terms(frozenset(), frozenset(), frozenset(), (), ())


def terms(people: Iterable[Traits], *, known: Collection[str] = ()) -> Terms:
    """`known`: names that are no secret, such as those of the two authorities; a place that is called so hides nothing."""
    open_words = {word for name in known for reading in _readings(name) for word in reading}
    open_names = {"".join(reading) for name in known for reading in _readings(name)}
    phrases, parts, raw, few = set[str](), set[str](), set[str](), set[str]()
    for one in people:
        for name in one.names:
            phrases |= _phrases(name)
            parts |= _parts(name, but=frozenset())
            raw |= _spellings(name)
            few |= {name} if _phrases(name) else set()
        for address in one.addresses:
            phrases |= _phrases(address)
            parts |= _parts(address.partition("@")[0], but=frozenset())
            raw.add(address)
            few.add(address)
        for place in one.places:
            pieces = [place, *re.split(r"[,;\n]", place)]
            for piece in pieces:
                if open_names.isdisjoint("".join(reading) for reading in _readings(piece)):
                    phrases |= _phrases(piece)
            parts |= {part for part in _parts(place, but=open_words) if len(part) >= LONG}
    stems = {part for part in parts if _is_stem(part)}
    return Terms(
        frozenset(phrases),
        frozenset(parts - stems),
        frozenset(stems),
        tuple(sorted({code for text in raw for code in _encodings(text)})),
        tuple(sorted({code for text in few for code in _encodings(text) if len(code) >= SHORTEST_IN_MEDIA})),
    )


def texts(value: Any) -> Iterator[str]:
    """Every text in a value of JSON."""
    match value:
        case str():
            yield value
        case list() | tuple():
            for item in value:
                yield from texts(item)
        case dict():
            for key, item in value.items():
                yield key
                yield from texts(item)


def _folded(text: str) -> str:
    if text.isascii():
        return text.casefold()
    plain = unicodedata.normalize("NFKD", text).casefold().translate(_PLAIN)
    return "".join(
        letter
        for letter in unicodedata.normalize("NFKD", plain)
        if unicodedata.category(letter) not in ("Mn", "Cf", "Me")
    )


def _split(folded: str) -> list[str]:
    return "".join(letter if letter.isalnum() else " " for letter in folded).split()


def _readings(text: str) -> list[list[str]]:
    """The words of a text, once for each way to read it."""
    found = [text]
    if "%" in text:
        found.append(unquote(text))
    if "&" in text:
        found.append(html.unescape(text))
    readings: list[list[str]] = []
    for one in found:
        for folded in (
            _folded(one),
            _folded(unicodedata.normalize("NFC", one).casefold().translate(_EXPANDED)),
        ):
            words = _split(folded)
            if words and words not in readings:
                readings.append(words)
    return readings


def _joined(words: list[str]) -> set[str]:
    """The words, and what letters that stand alone one after another spell."""
    runs = re.findall(r"(?<!\S)\w(?: \w)+(?!\S)", " ".join(words))
    return {*words, *(run.replace(" ", "") for run in runs)}


def _phrases(name: str) -> set[str]:
    """The name as its words, unless they all are words of office: then it is no name."""
    return {
        " ".join(words)
        for words in _readings(name)
        if len("".join(words)) >= SHORTEST and not set(words) <= _OF_OFFICE | _PARTICLES
    }


def _parts(name: str, *, but: Collection[str]) -> set[str]:
    found = set[str]()
    for words in _readings(name):
        found.update(words)
        if not set(words) & (_OF_OFFICE | set(but)):
            found.add("".join(words))
    for token in name.split():  # a name with a hyphen or an apostrophe, written without
        found.update("".join(words) for words in _readings(token))
    short = {part for part in found if len(part) < (SHORTEST if _is_alphabetic(part) else 2)}
    return {part for part in found - short if part not in _OF_OFFICE | _PARTICLES | set(but)}


def _is_alphabetic(text: str) -> bool:
    return all(unicodedata.name(letter, "").startswith((*_ALPHABETIC, "DIGIT")) for letter in text)


def _is_stem(part: str) -> bool:
    return len(part) >= LONG or not _is_alphabetic(part)


def _spellings(name: str) -> set[str]:
    """As what a whole name, or a long part of it, may stand in bytes. Where but a letter goes with a word of office
    none does: "the interpreter confirmed" is not Interpreter C, whom the search for words finds.
    """
    if not _phrases(name) or not _parts(name, but=()):
        return set()
    words = name.split()
    orders = (words, [*words[1:], words[0]], [words[-1], *words[:-1]])
    marks = (" ", ", ", "", "_", "-", ".", "%20") if sum(map(str.isalnum, name)) >= LONG else (" ", ", ")
    parts = {word for word in re.split(r"[\s\-'’.,]+", name) if len(word) > LONG and _parts(word, but=())}
    return {mark.join(order) for order in orders for mark in marks} | parts


def _encodings(text: str) -> Iterator[bytes]:
    """In lower case as far as bytes have one; see `raw_within`."""
    for form in ("NFC", "NFD"):
        composed = unicodedata.normalize(form, text)
        for cased in (composed, composed.lower(), composed.upper(), composed.title()):
            for encoding in ("utf-8", "utf-16-be", "utf-16-le"):
                code = cased.encode(encoding).lower()
                if len(code) >= SHORTEST_IN_BYTES:
                    yield code
