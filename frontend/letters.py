"""Letters in words: each in its reader's language, or in English, with times on the reader's clock first.

Letters are plain text, in the six languages of the United Nations; their sentences have catalogues of their own
(`locale/*/LC_MESSAGES/letters.po`), so that a language can write letters before all pages speak it.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jinja2
from jinja2.bccache import Bucket

from frontend.words import HERE, Kept, Reader, catalogue_of
from hearings.letters import Notice, Written

DOMAIN = "letters"
LANGUAGES = ("ar", "en", "es", "fr", "ru", "zh")
_GAPS = re.compile(r"\n{3,}")
_ISOLATES = str.maketrans("", "", "\u2068\u2069")


class Compiled(jinja2.BytecodeCache):
    """What was made of a template for one language is good for all of them."""

    def __init__(self) -> None:
        self._made: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._made:
            bucket.bytecode_from_string(self._made[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._made[bucket.key] = bucket.bytecode_to_string()


_COMPILED = Compiled()


class Letters:
    """Every language, read when it is first written."""

    def __init__(self, locale: Path = HERE / "locale") -> None:
        self._scribes = Kept(
            lambda language: Scribe(Reader(language, catalogue_of(locale, language, DOMAIN)))
        )

    def letter(self, notice: Notice) -> Written:
        """Plain text; its gaps between paragraphs are one line each."""
        subject, _, text = self._written("letter.txt", notice).partition("\n")
        return Written(subject, _GAPS.sub("\n\n", text).strip() + "\n")

    def entry(self, notice: Notice) -> tuple[str, tuple[str, ...]]:
        """For a calendar: where it is, and lines without an address."""
        where, *lines = self._written("entry.txt", notice).split("\n")
        return where, tuple(filter(None, lines))

    def _written(self, page: str, notice: Notice) -> str:
        language = notice.language.partition("-")[0].lower()
        return self._scribes[language if language in LANGUAGES else "en"].write(page, notice)


@dataclass(frozen=True)
class Scribe:
    """Writes in one language."""

    reader: Reader

    def write(self, page: str, notice: Notice) -> str:
        """Marks of direction are for the readers of right to left scripts; elsewhere they may show as boxes."""
        text = self._pages.get_template(page).render(notice=notice).strip()
        return text if self.reader.direction == "rtl" else text.translate(_ISOLATES)

    @cached_property
    def _pages(self) -> jinja2.Environment:
        reader = self.reader
        made = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE / "templates" / "letters"),
            autoescape=False,  # noqa: S701 - plain text, which no browser takes for anything else
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            bytecode_cache=_COMPILED,
            auto_reload=False,
        )
        made.globals.update(
            _=self._say,
            moment=reader.moment,
            clock=reader.clock,
            length=reader.length,
            on_day=reader.on_day,
            dated=reader.dated,
            country=reader.country,
        )
        return made

    def _say(self, sentence: str, **values: Any) -> str:
        said = str(self.reader.catalogue.gettext(sentence))
        return said % values if values else said
