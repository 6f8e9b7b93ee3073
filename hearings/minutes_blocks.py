"""The blocks that a page of the minutes is made of: plain strings and flags, which `minutes.typ` and a page draw.

A label or a value is what somebody wrote (`str`), a sentence of ours (`Sentence`), or a text that the scribe has made
already, such as a time; one of them or several lines of them.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from hearings.sentences import say
from hearings.wording import Scribe, Text

Block = dict[str, Any]
"""`kind` is facts, table, digests, course, quote or text."""

Line = str | Text
Lines = Line | Sequence[Line]

NARROW, COLUMN, WIDE = 16, 32, 70
"""Letters that surely stand on a line of a cell of a table, of half a page, of a whole one."""
WHOLE = 24
"""Lines, up to which a row is not torn by the end of a page."""


class Pen(Scribe):
    """Makes blocks of what the scribe writes."""

    def head(self, title: str, source: str, blocks: Iterable[Block], *, apart: bool = False) -> Block:
        """`source`: the provision that demands it, or nothing; `apart`: who is not of the court may skip it."""
        return {
            "title": self.text(title),
            "source": self.text(source) if source else Text(),
            "blocks": list(blocks),
            "apart": apart,
        }

    def facts(self, rows: Iterable[tuple[str, Lines]]) -> Block:
        """Labels with their values; a value without words is left out."""
        width = COLUMN if self.twofold else WIDE
        told = [(self.text(label), self._lines(lines)) for label, lines in rows]
        return {
            "kind": "facts",
            "whole": sum(_height(lines, width) + 1 for _, lines in told) <= WHOLE,
            "rows": [
                {"label": label, "lines": lines, "whole": _height(lines, width) <= WHOLE}
                for label, lines in told
            ],
        }

    def table(self, title: str, columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[Lines]]) -> Block:
        """`columns`: the head and the width of each, `auto` or a share such as `1fr`. Without rows: none."""
        return {
            "kind": "table",
            "title": self.text(title) if title else Text(),
            "columns": [self.text(name) for name, _ in columns],
            "widths": [width for _, width in columns],
            "rows": [self._row(cells) for cells in rows],
        }

    def digests(self, title: str, files: Iterable[tuple[str, str, str]]) -> Block:
        """Path, content and SHA-256 of each."""
        return {
            "kind": "digests",
            "title": self.text(title),
            "columns": [self.text(say("File")), self.text("SHA-256")],
            "rows": [
                {"path": self.text(path), "content": self._lines(content), "digest": digest}
                for path, content, digest in files
            ],
        }

    def words(self, said: str) -> Block:
        lines = [self.text(said)]
        return {
            "kind": "text",
            "lines": lines,
            "whole": _height(lines, COLUMN if self.twofold else WIDE) <= WHOLE,
        }

    def quote(self, said: str, language: str) -> Block:
        """In its own language, once."""
        return {"kind": "quote", "lines": [self.quoted(said, language)]}

    def course(
        self, clocks: Sequence[Text], rows: Iterable[tuple[Sequence[list[Text]], list[Text], list[Text]]]
    ) -> Block:
        """When, on each clock, what happened, and notes on that."""
        width = COLUMN if self.twofold else WIDE
        return {
            "kind": "course",
            "columns": list(clocks),
            "what": self.text(say("What happened")),
            "rows": [
                {
                    "times": list(times),
                    "lines": lines,
                    "notes": notes,
                    "whole": _height([*lines, *notes], width) <= WHOLE,
                }
                for times, lines, notes in rows
            ],
        }

    def _row(self, cells: Sequence[Lines]) -> Block:
        told = [self._lines(cell) for cell in cells]
        return {"cells": told, "whole": max(_height(lines, NARROW) for lines in told) <= WHOLE}

    def _lines(self, lines: Lines) -> list[Text]:
        several = [lines] if isinstance(lines, str | Text) else lines
        told = [self.text(line) if isinstance(line, str) else line for line in several]
        return [text for text in told if any(run["text"] for voice in text for run in voice["runs"])]


def _height(lines: Sequence[Text], width: int) -> int:
    """Lines of print at most, if so many letters stand on each; one of the East is as wide as two."""
    written = ("".join(run["text"] for run in voice["runs"]) for text in lines for voice in text)
    return sum(1 + _letters(part) // width for said in written for part in said.split("\n"))


def _letters(text: str) -> int:
    return len(text) if text.isascii() else sum(2 if char >= "\u2e80" else 1 for char in text)
