"""What people type: the base of everything that comes in through a door.

Trimmed, in Unicode normal form C, and without control characters (line breaks and tabs may stand, of whatever system): what is
written down must look the same in the journal, in a letter and on paper, years later.
"""

import re
import unicodedata
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator

EARLIEST, LATEST = 1970, 2199
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202d\u202e\ud800-\udfff]")


class Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    @field_validator("*")
    @classmethod
    def _can_be_written_down(cls, value: Any) -> Any:
        if isinstance(value, datetime) and not EARLIEST <= value.year <= LATEST:
            raise ValueError(f"the year lies between {EARLIEST} and {LATEST}")
        if type(value) is not str or (value.isascii() and value.isprintable()):
            return value
        lines = value.replace("\r\n", "\n").replace("\r", "\n")
        if _UNPRINTABLE.search(lines):
            raise ValueError("this holds a character that cannot be printed; type it again without")
        if lines and not any(unicodedata.category(letter)[0] in "LMNPS" for letter in lines):
            raise ValueError("nothing of this can be seen; type it again")
        return unicodedata.normalize("NFC", lines)
