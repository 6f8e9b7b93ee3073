"""What people type: the base of everything that comes in through a door.

Trimmed, in Unicode normal form C, and without control characters (line breaks and tabs may stand, of whatever system): what is
written down must look the same in the journal, in a letter and on paper, years later.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NaiveDatetime,
    field_validator,
)

from hearings.sentences import Sentence, say
from scheduling import zones

EARLIEST, LATEST = 1970, 2199
YEAR = say("the year lies between {earliest} and {latest}")
UNPRINTABLE = say("this holds a character that cannot be printed; type it again without")
UNSEEN = say("nothing of this can be seen; type it again")
WRONG = (YEAR, UNPRINTABLE, UNSEEN, *(kind.template for kind in zones.TimeRefused.__subclasses__()))
"""What may be wrong with what was typed. It comes to the door as mere text, where `recognised` finds it again."""

_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202d\u202e\ud800-\udfff]")


def refused(time: zones.TimeRefused) -> Sentence:
    """Why there is no such time."""
    return Sentence(time.template, time.values)


class Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    @field_validator("*")
    @classmethod
    def _can_be_written_down(cls, value: Any) -> Any:
        if isinstance(value, datetime) and not EARLIEST <= value.year <= LATEST:
            raise ValueError(say(YEAR, earliest=EARLIEST, latest=LATEST))
        if type(value) is not str or (value.isascii() and value.isprintable()):
            return value
        lines = value.replace("\r\n", "\n").replace("\r", "\n")
        if _UNPRINTABLE.search(lines):
            raise ValueError(UNPRINTABLE)
        if lines and not any(unicodedata.category(letter)[0] in "LMNPS" for letter in lines):
            raise ValueError(UNSEEN)
        return unicodedata.normalize("NFC", lines)


class Wall(Said):
    """What a clock on the wall in `zone` shows; `fold` says which, where it shows it twice."""

    wall: NaiveDatetime
    zone: str = Field(min_length=1, max_length=64)
    fold: Literal["earlier", "later"] | None = None

    def instant(self) -> datetime:
        """Raises: zones.TimeRefused."""
        return zones.instant_of(self.wall, self.zone, fold=self.fold)

    @property
    def minute(self) -> str:
        """As it is kept: `YYYY-MM-DDTHH:MM`."""
        return self.wall.isoformat(timespec="minutes")


def _from_the_wall(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    if not value.get("wall"):
        return None  # a zone alone says nothing
    try:
        return Wall.model_validate(value).instant()
    except zones.TimeRefused as error:
        raise ValueError(refused(error)) from error


Instant = Annotated[AwareDatetime, BeforeValidator(_from_the_wall)]
"""An instant with its offset, or a wall time in a zone: `{"wall": "2026-11-25T14:00", "zone": "Europe/Amsterdam"}`."""
MaybeInstant = Annotated[AwareDatetime | None, BeforeValidator(_from_the_wall)]
