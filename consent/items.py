"""The items of a hearing's checklist as data, and the sources that they rest on: `items.toml`, `overlays.toml`.

An item is something that a person or the service settles. It rests on one or several bases, each an article of an
instrument or of another source; which of them counts for a hearing is decided in `checklist`.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, model_validator

from consent import instruments, parties
from consent.parties import Mark, Parties

Capacity = Literal["witness", "expert", "victim", "suspect", "accused", "sought"]
Aim = Literal["evidence", "trial", "recognition", "extradition"]
OfPerson = Literal["child", "custody", "protected", "needs", "interpreter", "voluntary", "excluded"]
"""What may be so of a person heard. The last two by a declaration: that they are heard of their own will alone, that
they are not heard by video link."""
OfHearing = Literal["telephone", "oath", "surrender"]
Kind = Literal["domestic", "beside", "layer", "practice"]
Side = Literal["requesting", "requested"]

ABOUT_PERSONS: frozenset[str] = frozenset(get_args(OfPerson))


class Stage(StrEnum):
    """When an item is due, and so which gate it holds shut."""

    REQUEST = "request"
    BEFORE = "before"
    OPENING = "opening"
    CLOSING = "closing"
    AFTER = "after"


class Proof(StrEnum):
    """How it is shown that an item is met."""

    CONFIRMATION = "confirmation"
    DECLARATION = "declaration"
    MEASUREMENT = "measurement"
    DOCUMENT = "document"
    LOG = "log"


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Data):
    """Where rules stand beside the instrument that governs.

    `kind`: `domestic` law of a State on a `side`; what stands `beside` instruments; a `layer` that binds States
    whatever the instrument; `practice`, which binds nobody. `recalled`: States of which it is recalled, and was not
    read, that it binds them. `since`, `until`: days on which it was in force, both included; None: not limited.
    """

    kind: Kind
    short: str
    beside: frozenset[str] = frozenset()
    states: frozenset[str] = frozenset()
    recalled: frozenset[str] = frozenset()
    side: Side | None = None
    since: date | None = None
    until: date | None = None
    mark: Mark = Mark.SEEN


class Basis(_Data):
    """An article that demands an item, of an instrument or a source. What is said here counts instead of what the
    item says; `subjects`, `when` and `unless` narrow it down further.
    """

    of: str
    article: str
    mark: Mark = Mark.SEEN
    subjects: frozenset[Capacity] = frozenset()
    when: frozenset[OfPerson | OfHearing] = frozenset()
    unless: frozenset[OfHearing] = frozenset()
    since: date | None = None
    words: str | None = None
    blocks: bool | None = None
    override: tuple[str, ...] | None = None


class Item(_Data):
    """Something to be settled. `row`: of the digest; `each`: for every person heard whom it concerns, otherwise once;
    `forbids`: it stands in the way, and nobody settles it.
    """

    id: str
    row: str
    words: str
    stage: Stage
    blocks: bool
    proof: Proof
    basis: tuple[Basis, ...]
    by: tuple[str, ...] = ()
    override: tuple[str, ...] = ()
    each: bool = False
    subjects: frozenset[Capacity] = frozenset()
    when: frozenset[OfPerson | OfHearing] = frozenset()
    aims: frozenset[Aim] = frozenset()
    declares: Literal["video", "recording", "voluntary", "telephone", "waiver-counsel"] | None = None
    forbids: bool = False

    @model_validator(mode="after")
    def _holds_together(self) -> "Item":
        """Raises: ValueError."""
        if self.forbids == bool(self.by):
            raise ValueError(f"{self.id}: it forbids, and somebody settles it; or nobody does")
        if (self.proof is Proof.DECLARATION) != (self.declares is not None):
            raise ValueError(f"{self.id}: what is declared is said of declarations")
        if not self.each and any(basis.subjects or basis.when & ABOUT_PERSONS for basis in self.basis):
            raise ValueError(f"{self.id}: who else is heard would change what it rests on")
        return self


class Tightened(Basis):
    """A basis of domestic law, which comes before all others of an item: it blocks, and nobody goes on without it."""

    item: str


class Beside(_Data):
    """Instruments that count beside another `when` the hearing is so."""

    instruments: frozenset[str]
    when: frozenset[OfHearing]


class Carried(_Data):
    """An instrument that makes the articles of another its own."""

    text: str
    mark: Mark


class _File(_Data):
    source: dict[str, Source]
    item: tuple[Item, ...]
    beside: dict[str, Beside] = {}
    carried: dict[str, Carried] = {}
    tighten: tuple[Tightened, ...] = ()


@dataclass(frozen=True)
class Law:
    """Everything that a checklist is computed from. `items`: in the order of stages, then of the data; `titles`: the
    short title of each instrument and source.
    """

    items: tuple[Item, ...]
    sources: Mapping[str, Source]
    beside: Mapping[str, Beside]
    carried: Mapping[str, Carried]
    titles: Mapping[str, str]
    parties: Parties


@cache
def load() -> Law:
    """Raises: ValueError of data that do not hold together."""
    general, domestic = _read("items.toml"), _read("overlays.toml")
    sources = {**general.source, **domestic.source}
    items = tightened((*general.item, *domestic.item), domestic.tighten)
    order = list(Stage)
    return Law(
        items=tuple(sorted(items, key=lambda item: order.index(item.stage))),
        sources=sources,
        beside=general.beside,
        carried=general.carried,
        titles={name: source.short for name, source in sources.items()}
        | {name: instrument.short for name, instrument in instruments.load().items()},
        parties=parties.load(),
    )


def tightened(items: tuple[Item, ...], rules: tuple[Tightened, ...]) -> list[Item]:
    found = {item.id: item for item in items}
    for rule in rules:
        item = found[rule.item]
        said = rule.model_dump(exclude={"item", "blocks", "override"})
        basis = Basis(**said, blocks=True, override=())
        found[rule.item] = item.model_copy(update={"basis": (*item.basis, basis)})
    return list(found.values())


def _read(name: str) -> _File:
    text = files("consent").joinpath(name).read_text(encoding="utf-8")
    data: dict[str, Any] = tomllib.loads(text)
    return _File(**data)
