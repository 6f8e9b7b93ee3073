"""Words of the minutes as HTML: the voices of `hearings.wording`, each in its language and direction.

A page of minutes holds thousands of them; a template would take most of the page's time for them.
"""

from collections.abc import Iterable

from markupsafe import Markup, escape

from hearings.wording import Text, Voice

_BREAK = "<br>"


def words(text: Text) -> Markup:
    """A text in its voices, under each other."""
    return Markup(_BREAK.join(map(_voice, text)))  # noqa: S704  # escaped below


def lines(several: Iterable[Text]) -> Markup:
    """Texts under each other."""
    return Markup(_BREAK.join(map(words, several)))  # noqa: S704  # escaped below


def _voice(voice: Voice) -> str:
    said = "".join(_run(run["lang"], run["text"]) for run in voice["runs"])
    if not voice["lang"]:
        return f"<bdi>{said}</bdi>"
    language = f"{voice['lang']}-{voice['region']}" if voice["region"] else voice["lang"]
    return f'<span lang="{escape(language)}" dir="{escape(voice["dir"])}">{said}</span>'


def _run(language: str, text: str) -> str:
    said = _BREAK.join(map(escape, text.split("\n")))
    return f'<span lang="{escape(language)}">{said}</span>' if language else said
