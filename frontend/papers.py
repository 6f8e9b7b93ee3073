"""The words of the minutes, in the six languages of the United Nations.

They have catalogues of their own (`locale/*/LC_MESSAGES/minutes.po`), as letters have, so that a language can stand on
paper before all pages speak it. `hearings` asks for one sentence at a time, and knows no catalogue.
"""

from pathlib import Path

from babel.messages.pofile import read_po

from frontend import letters
from frontend.words import HERE, Kept

DOMAIN = "minutes"
LANGUAGES = letters.LANGUAGES
SOURCE = "en"


class Papers:
    """Every language, read when it is first written; it is the `Wording` of the minutes."""

    def __init__(self, locale: Path = HERE / "locale") -> None:
        self._said = Kept(lambda language: _read(locale / language / "LC_MESSAGES" / f"{DOMAIN}.po"))

    def __call__(self, language: str, template: str) -> str | None:
        """The sentence in this language; None where it has not got it."""
        primary = language.partition("-")[0].lower()
        if primary == SOURCE:
            return template
        return self._said[primary].get(template) if primary in LANGUAGES else None


def _read(path: Path) -> dict[str, str]:
    with path.open("rb") as file:
        return {
            str(one.id): str(one.string) for one in read_po(file) if one.id and one.string and not one.fuzzy
        }
