"""Notices of rights, and declarations that a person is asked for: texts as dated data, in several languages.

Pure values, read once from `notices.toml`. Every text is a sample until an authority approves exactly these words: its
id, version, language and digest.

**Canonical form.** A wording as it is shown is its parts in this order: title, each line, the question, the word for yes,
the word for no; each in Unicode normal form C and without a line break, each followed by one line feed (U+000A), in UTF-8
without a byte order mark. The digest is the SHA-256 of these bytes, in lower-case hexadecimal digits. Whether it is a
sample, its id and its version are no part of it.

Consent to surrender and the renunciation of speciality are not among these texts and never will be: they are given before
another authority, with other effects, and can often not be taken back (Framework Decision 2002/584, Article 13; ETS 209,
Article 4).
"""

import hashlib
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, field_validator

DEFENDED = frozenset({"suspect", "accused", "sought"})
"""Who must have had the chance of a lawyer's advice before they declare anything."""


class What(StrEnum):
    """What is told or asked. A notice of rights is answered, too: whether it was understood."""

    RIGHTS = "rights"
    VIDEO = "video"
    RECORDING = "recording"
    VOLUNTARY = "voluntary"
    TELEPHONE = "telephone"
    WAIVER_COUNSEL = "waiver-counsel"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Wording(_Value):
    """One text in one language. Each part is one line."""

    title: str
    lines: tuple[str, ...]
    question: str
    yes: str
    no: str

    @field_validator("*")
    @classmethod
    def _of_one_form(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for part in (value,) if isinstance(value, str) else value:
            if len(part.splitlines()) != 1 or part != unicodedata.normalize("NFC", part.strip()):
                raise ValueError(f"not one line in normal form C: {part!r}")
        return value

    @property
    def parts(self) -> tuple[str, ...]:
        return (self.title, *self.lines, self.question, self.yes, self.no)

    @property
    def canonical(self) -> str:
        """The words as they are shown, in the form that is digested."""
        return "".join(f"{part}\n" for part in self.parts)

    @classmethod
    def read(cls, canonical: str) -> Self:
        """Of a canonical form. Raises: ValueError."""
        title, *lines, question, yes, no = canonical.removesuffix("\n").split("\n")
        return cls(title=title, lines=tuple(lines), question=question, yes=yes, no=no)


class Text(_Value):
    """`capacities`: as what those are heard whom it is for. `status`: of the words as they stand in the file."""

    id: str
    what: What
    version: str
    status: Literal["sample"]
    capacities: frozenset[str]
    wording: Mapping[str, Wording]

    def concerns(self, capacity: str) -> bool:
        return capacity in self.capacities

    def language(self, tag: str) -> str | None:
        """The language of this text that somebody reads who speaks `tag` (BCP 47); None if it is missing: it is then shown
        in another one, and read to them by an interpreter.
        """
        return primary if (primary := spoken(tag)) in self.wording else None

    @property
    def needs_advice(self) -> bool:
        """Whether those who are defended must have had the chance of a lawyer's advice before they answer."""
        return self.what is not What.RIGHTS


class Phrases(_Value):
    """What stands around every text, in its language."""

    sample: str
    lawyer: str
    had: str
    declined: str
    choose: str
    calm: str
    otherwise: str
    aloud: str
    through: str
    unread: str
    answered: str
    back: str
    stops: str


def spoken(tag: str) -> str:
    """The language itself, without region or script."""
    return tag.partition("-")[0].lower()


@cache
def load() -> Mapping[str, Text]:
    """Every text, by its id."""
    return {name: Text(id=name, **entry) for name, entry in _read()["texts"].items()}


@cache
def phrases() -> Mapping[str, Phrases]:
    """By language; each language of a text has them."""
    return {language: Phrases(**entry) for language, entry in _read()["phrases"].items()}


def for_capacity(capacity: str) -> Iterator[Text]:
    """The texts that concern somebody who is heard as this, in their order."""
    return (text for text in load().values() if text.concerns(capacity))


def digest(text: Text, language: str) -> str:
    """SHA-256 of the exact bytes as shown, in 64 hexadecimal digits. Raises: KeyError without this language."""
    return hashlib.sha256(text.wording[language].canonical.encode()).hexdigest()


@cache
def _read() -> dict[str, dict[str, dict[str, object]]]:
    return tomllib.loads(files("consent").joinpath("notices.toml").read_text(encoding="utf-8"))
