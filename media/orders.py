"""What is asked of a deriver of copies, and what it answers: a line of JSON each."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict


class Source(BaseModel):
    """An original by name, and the key that it is locked with, in base64."""

    model_config = ConfigDict(frozen=True)

    name: str
    key: str


class Order(BaseModel):
    """`name`: of the copy; `since`, `until`: of the stretch, in ms since 1970; `marks`: what is missing, in ms after
    `since`; `public`: the half that the copy is locked for, in base64.
    """

    model_config = ConfigDict(frozen=True)

    folder: Path
    name: str
    sources: list[Source]
    since: int
    until: int
    marks: list[tuple[int, int, str]]
    public: str


class Derived(BaseModel):
    """The copy's digest and size in the clear, in bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str
    size: int


class Failed(BaseModel):
    """Why there is no copy; for the log, it names files. `full`: for want of room, so that it may succeed later."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    failed: str
    full: bool = False
