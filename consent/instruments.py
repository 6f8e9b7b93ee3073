"""The legal instruments, as dated data: what each says of a hearing, article by article. What follows from it for
whom is in `items`.
"""

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict, model_validator

from consent import parties


class About(StrEnum):
    """What a claim is about, in the order of a hearing."""

    REQUEST = "request"
    REFUSAL = "refusal"
    TIME = "time"
    COSTS = "costs"
    DIRECTS = "directs"
    PRESENCE = "presence"
    IDENTITY = "identity"
    CONSENT = "consent"
    RIGHTS = "rights"
    PRIVILEGE = "privilege"
    INTERPRETER = "interpreter"
    OATH = "oath"
    PERJURY = "perjury"
    PROTECTION = "protection"
    MINUTES = "minutes"
    RECORDING = "recording"


class Claim(BaseModel):
    """What an instrument says on one thing, in our own words. One that is unverified is never printed as a duty."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    about: About
    words: str
    article: str
    mark: parties.Mark


class Intervention(BaseModel):
    """What the authority present does when it finds fundamental principles of its law infringed, in `words` of the
    instrument: a duty in one, in another a power, in a third nothing is said.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    article: str
    words: str
    mark: parties.Mark | Literal["practice"]


class Period(BaseModel):
    """Within so many `days` of the receipt of a request, or of the day on which it was accepted, something is to be done:
    its receipt acknowledged, decided on it, the hearing held.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: Literal["acknowledge", "decide", "execute"]
    days: int
    after: Literal["received", "accepted"]
    article: str
    mark: parties.Mark


class Instrument(BaseModel):
    """`minutes`: the article on what the minutes must hold; `authority`: who must be present, by `presence`.

    `covers`: the capacities in which somebody may be heard under it; `consent_rule`: what the consent of a suspect or
    accused is to it; `presence_kind`: of what kind the authority on the requested side must be; `because`: why it is
    off, and can be chosen for no hearing; `intervention`: None where the instrument says nothing of it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    title: str
    short: str
    authority: str
    presence: str
    minutes: str
    mark: parties.Mark
    status: Literal["usable", "off"]
    because: str = ""
    covers: frozenset[str]
    consent_rule: Literal["mandatory", "refusal", "none", "conditions"]
    presence_kind: Literal["judicial", "competent", "agreed", "none"]
    intervention: Intervention | None = None
    period: tuple[Period, ...] = ()
    claim: tuple[Claim, ...]

    @model_validator(mode="after")
    def _says_why_it_is_off(self) -> "Instrument":
        if (self.status == "off") != bool(self.because):
            raise ValueError(f"{self.id} is off and does not say why, or says why and is not")
        return self

    @property
    def usable(self) -> bool:
        return self.status == "usable"


def load() -> Mapping[str, Instrument]:
    """Every instrument, by its id."""
    text = files("consent").joinpath("instruments.toml").read_text(encoding="utf-8")
    return {name: Instrument(id=name, **entry) for name, entry in tomllib.loads(text).items()}
