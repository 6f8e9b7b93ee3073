"""What a browser typed, or was told once, kept for a little while: nobody types a long form twice.

When a form is refused, or the login has run out, what was typed is put into the drawer and the browser is
sent back to the page with the drawer's token in the address; the page then shows the form filled in. A link
that is shown once is told the same way. Everything lies sealed under the service key and is bound to the
browser that it came from; after twelve hours it is gone.
"""

import contextlib
import hashlib
import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from hearings import tokens
from hearings.errors import Unverifiable
from hearings.servicekey import ServiceKey

HOURS = 12
SWEEP_SECONDS = 600
MOST = 10_000
_NAME = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


class File(BaseModel):
    """An uploaded file; `content` is base64."""

    model_config = ConfigDict(frozen=True)

    name: str
    media_type: str
    content: str

    def told(self) -> dict[str, str]:
        return self.model_dump()


class Kept(BaseModel):
    """`form`: which one on the page; `problem`: what was wrong; `told`: what a step answered, to be shown once."""

    model_config = ConfigDict(frozen=True)

    form: str = ""
    typed: dict[str, str] = {}
    files: dict[str, File] = {}
    problem: dict[str, Any] | None = None
    told: dict[str, Any] | None = None


class Drawer:
    """A folder of sealed files, one for each thing kept."""

    def __init__(self, folder: Path, key: ServiceKey) -> None:
        self._folder = folder
        self._key = key
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, browser: str, kept: Kept) -> str:
        """The token under which this browser finds it again. Raises: OSError if the disk is full."""
        token = tokens.fresh()
        sealed = self._key.wrap(kept.model_dump_json().encode(), _purpose(browser))
        part = self._folder / f"{token}.part"
        try:
            part.write_bytes(sealed)
            part.rename(self._folder / token)
        finally:
            part.unlink(missing_ok=True)
        return token

    def get(self, browser: str, token: str) -> Kept | None:
        """None if there is no such thing, or no longer, or it is another browser's."""
        if not token or not _NAME.issuperset(token):
            return None
        try:
            sealed = (self._folder / token).read_bytes()
            return Kept.model_validate_json(self._key.unwrap(sealed, _purpose(browser)))
        except (OSError, Unverifiable, ValidationError):
            return None

    def sweep(self) -> None:
        """Removes what is older than twelve hours; the oldest first where there is too much."""
        oldest = time.time() - HOURS * 3600
        found: list[tuple[float, Path]] = []
        for path in self._folder.iterdir():
            with contextlib.suppress(OSError):
                found.append((path.stat().st_mtime, path))
        found.sort(reverse=True)
        for n, (written, path) in enumerate(found):
            if written < oldest or n >= MOST:
                path.unlink(missing_ok=True)


def _purpose(browser: str) -> str:
    return f"kept {hashlib.sha256(browser.encode()).hexdigest()}"
