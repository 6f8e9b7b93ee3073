"""Letters in words: each in its reader's language, or in English, with times on the reader's clock first.

Letters are plain text, in the six languages of the United Nations; their sentences have catalogues of their own
(`locale/*/LC_MESSAGES/letters.po`), so that a language can write letters before all pages speak it.
"""

import re
from pathlib import Path

from frontend.words import HERE, Reader, catalogue_of
from hearings.letters import Notice, Written

DOMAIN = "letters"
LANGUAGES = ("ar", "en", "es", "fr", "ru", "zh")
_GAPS = re.compile(r"\n{3,}")
_ISOLATES = str.maketrans("", "", "\u2068\u2069")


class Letters:
    """Every language, read once at start; called to write."""

    def __init__(self, locale: Path = HERE / "locale") -> None:
        self._readers = {
            language: Reader(language, catalogue_of(locale, language, DOMAIN)) for language in LANGUAGES
        }

    def __call__(self, notice: Notice) -> Written:
        reader = self._readers.get(notice.language.partition("-")[0].lower(), self._readers["en"])
        letter = self._rendered(reader, "letters/letter.txt", notice)
        subject, _, text = letter.partition("\n")
        where, *lines = self._rendered(reader, "letters/entry.txt", notice).split("\n")
        return Written(subject, _GAPS.sub("\n\n", text).strip() + "\n", tuple(filter(None, lines)), where)

    def _rendered(self, reader: Reader, page: str, notice: Notice) -> str:
        """Marks of direction are for the readers of right to left scripts; elsewhere they may show as boxes."""
        text = reader.render(page, {"notice": notice}).strip()
        return text if reader.direction == "rtl" else text.translate(_ISOLATES)
