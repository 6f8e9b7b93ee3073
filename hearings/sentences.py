"""Sentences for people: in English here, and so made that a page can say them in another language.

`say("{place} is already in the room.", place=row.name)` is the English text, and remembers its template and
values. Whoever shows it looks the template up in a catalogue; what has values that are sentences themselves
(an office, a reason of ours) is translated inside out. Text that people typed is never translated.
"""

from typing import Any, Self


class Sentence(str):
    """A text with the template and values that it was made of."""

    __slots__ = ("template", "values")
    template: str
    values: dict[str, Any]

    def __new__(cls, template: str, values: dict[str, Any] | None = None) -> Self:
        made = super().__new__(cls, template.format(**values) if values else template)
        made.template = template
        made.values = values or {}
        return made


def say(template: str, **values: Any) -> Sentence:
    """Raises: KeyError if the template names a value that is not given."""
    return Sentence(template, values)
