"""The words of the minutes, in the six languages of the United Nations.

They have catalogues of their own (`locale/*/LC_MESSAGES/minutes.po`), as letters have, so that a language can stand on
paper before all pages speak it. `hearings` asks for one sentence at a time, and knows no catalogue.
"""

from pathlib import Path

from babel.messages.pofile import read_po

from frontend import letters
from frontend.words import HERE

DOMAIN = "minutes"
LANGUAGES = letters.LANGUAGES
SOURCE = "en"


class Papers:
    """Every language, read once at start; it is the `Wording` of the minutes."""

    def __init__(self, locale: Path = HERE / "locale") -> None:
        self._said = {
            language: _read(locale / language / "LC_MESSAGES" / f"{DOMAIN}.po")
            for language in LANGUAGES
            if language != SOURCE
        }

    def __call__(self, language: str, template: str) -> str | None:
        """The sentence in this language; None where it has not got it."""
        primary = language.partition("-")[0].lower()
        return template if primary == SOURCE else self._said.get(primary, {}).get(template)


def _read(path: Path) -> dict[str, str]:
    with path.open("rb") as file:
        return {
            str(one.id): str(one.string) for one in read_po(file) if one.id and one.string and not one.fuzzy
        }
