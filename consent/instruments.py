"""The legal instruments, as dated data: what each demands of a hearing, article by article.

Whose words these are: `by` names functions in a hearing (the caller maps them to its roles), `subjects`
names the capacities that a requirement concerns (empty: everybody who is heard).
"""

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict

Mark = Literal["seen", "practice"]


class Stage(StrEnum):
    """When a requirement is due, and so which gate it holds shut."""

    REQUEST = "request"
    BEFORE = "before"
    OPENING = "opening"
    CLOSING = "closing"
    AFTER = "after"


class Requirement(BaseModel):
    """One demand. `override`: the functions that may go on without it, with a printed reason."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    words: str
    article: str
    mark: Mark
    stage: Stage
    by: tuple[str, ...]
    subjects: tuple[str, ...] = ()
    override: tuple[str, ...] = ()

    def concerns(self, capacity: str) -> bool:
        return not self.subjects or capacity in self.subjects


class Instrument(BaseModel):
    """`minutes`: the article on what the minutes must hold; `authority`: who must be present, by `presence`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    title: str
    short: str
    authority: str
    presence: str
    minutes: str
    mark: Mark
    requirement: tuple[Requirement, ...]


def load() -> Mapping[str, Instrument]:
    """Every instrument, by its id."""
    text = files("consent").joinpath("instruments.toml").read_text(encoding="utf-8")
    return {name: Instrument(id=name, **entry) for name, entry in tomllib.loads(text).items()}
