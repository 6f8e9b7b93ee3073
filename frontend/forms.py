"""Forms of plain HTML, taken by the same doors as JSON.

A field's name is its path in the body: `people.0.name`. A field that is left empty is left out. An uploaded
file becomes `{"name", "media_type", "content"}` (base64) at its path, and one that is called `content` is the
body itself. Names that begin with `_` are the form's
own: `_page` (where it stands), `_form` (which one on that page), `_once` (this very copy of it).
"""

import asyncio
import base64
import contextlib
import hashlib
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from litestar import Request, Response
from litestar.datastructures import FormMultiDict, UploadFile
from litestar.enums import RequestEncodingType
from litestar.exceptions import ClientException

from frontend.kept import Drawer, File

log = logging.getLogger(__name__)

_FORMS = {RequestEncodingType.URL_ENCODED.value, RequestEncodingType.MULTI_PART.value}
_KEPT = ".kept"
_DEEPEST = 6
_MOST_ITEMS = 100
_PATIENCE = 60  # seconds
_LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Form:
    """A form that was sent: the page it stands on, which one it is, this very copy, what was typed, and files."""

    page: str
    form: str
    once: str
    typed: dict[str, str]
    files: dict[str, File]

    def body(self) -> dict[str, Any]:
        whole = self.files.get("content")
        parts = {path: file.told() for path, file in self.files.items() if file is not whole}
        return nested([*self.typed.items(), *parts.items(), *(whole.told().items() if whole else ())])


class Asked(Request[Any, Any, Any]):
    """A request whose body may be JSON or a form."""

    @property
    def wants_page(self) -> bool:
        """Whether a browser asks for a page to show, rather than a program for JSON."""
        return "text/html" in self.headers.get("accept", "")

    @property
    def browser(self) -> str:
        """What this browser is known by, for as long as it is open."""
        return self.cookies.get("csrf", "")

    @property
    def sent(self) -> Form | None:
        """The form that came with this request, once `take_form` has read it."""
        form = self.state.get("form")
        return form if isinstance(form, Form) else None

    @property
    def copy(self) -> str:
        """Which copy of which form this is, in which browser."""
        return f"{self.browser} {self.sent.once if self.sent else ''}"

    @property
    def streams(self) -> bool:
        """Whether the door takes a body too large to be kept in memory (`opt={"streams": True}`)."""
        return bool(self.route_handler.opt.get("streams"))

    async def form(self) -> FormMultiDict:
        """The fields; the body is kept whole, so that it can be read again."""
        if not self.streams:
            await self.body()
        try:
            return await super().form()
        except UnicodeDecodeError as error:
            raise ClientException("the form is not in the characters that it says") from error

    async def json(self) -> Any:
        return self.sent.body() if self.sent else await super().json()


async def take_form(request: Request[Any, Any, Any]) -> Response[Any] | None:
    """Reads the form, if there is one, before its door is asked. The same copy is taken once: a second press
    waits for the first and is sent where that one was sent.
    """
    if not isinstance(request, Asked) or request.content_type[0] not in _FORMS or request.method != "POST":
        return None
    if request.streams:
        return None
    typed, files = await _typed(request)
    own = {name: await _own(request, name) for name in ("_page", "_form", "_once")}
    form = Form(local(own["_page"]), own["_form"], own["_once"], typed, files)
    request.state.form = form
    presses: Presses = request.app.state.presses
    to = await presses.begin(request.copy) if form.once else None
    return None if to is None else redirect(to)


def redirect(to: str, cookies: Any = ()) -> Response[bytes]:
    location = quote(to, safe="/?#[]@!$&'()*+,;=:%")  # a header holds no other letters
    return Response(b"", status_code=303, headers={"location": location}, cookies=list(cookies))


class Presses:
    """Which copies of forms have been taken, and where their browsers were sent: a file each, for every process that
    has this folder (the drawer's, which is swept). One that a killed process left empty counts for a minute. On a
    full disk a copy may be taken twice: that a step can be taken at all comes first.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def begin(self, copy: str) -> str | None:
        """None if this is the first, or the one before did not succeed; else where that one was sent.

        Raises: TimeoutError.
        """
        path = self._path(copy)
        async with asyncio.timeout(_PATIENCE):
            while not _is_first(path):
                if to := _sent_to(path):
                    return to
                await asyncio.sleep(_LOOK_SECONDS)
        return None

    def end(self, copy: str, to: str | None) -> None:
        """`to`: where the browser is sent; None if the step was refused, so that it can be tried again."""
        path = self._path(copy)
        if not path.exists() or _sent_to(path):
            return
        if to is None:
            path.unlink(missing_ok=True)
            return
        written = path.with_suffix(".part")
        try:
            written.write_text(to)
            written.replace(path)
        except OSError as error:
            log.warning("what became of a form cannot be kept: %s", error)
            written.unlink(missing_ok=True)

    def _path(self, copy: str) -> Path:
        return self._folder / hashlib.sha256(copy.encode()).hexdigest()


def _is_first(path: Path) -> bool:
    try:
        path.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        return False
    except OSError as error:
        log.warning("which forms were taken cannot be kept: %s", error)
    return True


def _sent_to(path: Path) -> str:
    """Empty while it is not known; what will never be known is forgotten."""
    with contextlib.suppress(FileNotFoundError):
        if to := path.read_text():
            return to
        if path.stat().st_mtime < time.time() - _PATIENCE:
            path.unlink()
    return ""


async def _typed(request: Asked) -> tuple[dict[str, str], dict[str, File]]:
    typed: dict[str, str] = {}
    files: dict[str, File] = {}
    for name, value in (await request.form()).multi_items():
        if name.startswith("_"):
            continue
        if isinstance(value, UploadFile):
            content = await value.read()
            if value.filename:
                files[name] = File(
                    name=value.filename,
                    media_type=_plain_type(value.content_type),
                    content=base64.b64encode(content).decode(),
                )
        elif name.endswith(_KEPT):
            kept = _again(request, str(value))
            if kept is not None:
                files.setdefault(name.removesuffix(_KEPT), kept)
        elif str(value).strip():
            typed[name] = str(value)
    return {name: text for name, text in typed.items() if _wanted(name, typed, files)}, files


async def _own(request: Asked, name: str) -> str:
    value = (await request.form()).get(name, "")
    return value if isinstance(value, str) else ""


def _again(request: Asked, reference: str) -> File | None:
    """A file that an earlier attempt of this browser left here."""
    drawer: Drawer = request.app.state.drawer
    token, _, path = reference.partition("/")
    kept = drawer.get(request.browser, token)
    return kept.files.get(path) if kept else None


def local(page: str) -> str:
    """The address if it is one of this service's own, else the front page."""
    safe = page.startswith("/") and not page.startswith(("//", "/\\")) and page.isprintable()
    return page if safe else "/"


def nested(fields: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Paths to a tree; steps that are numbers make lists, in their order, without holes."""
    tree: dict[str, Any] = {}
    for path, value in fields:
        steps = path.split(".")
        if len(steps) > _DEEPEST:
            continue
        branch = tree
        for step in steps[:-1]:
            found = branch.setdefault(step, {})
            branch = found if isinstance(found, dict) else {}
        last = branch.get(steps[-1])
        branch[steps[-1]] = {**last, **value} if isinstance(last, dict) and isinstance(value, dict) else value
    return {name: _listed(value) for name, value in tree.items()}


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(step.isdecimal() for step in value):
        return [_listed(value[step]) for step in sorted(value, key=int)[:_MOST_ITEMS]]
    return {step: _listed(one) for step, one in value.items()}


_ESSENTIAL = {"documents": "", "people": "name"}
"""What an item of these lists cannot be without; whatever else a form says of it then does not count."""


def _wanted(name: str, typed: dict[str, str], files: dict[str, File]) -> bool:
    steps = name.split(".")
    if steps[0] not in _ESSENTIAL or len(steps) < 3:
        return True
    item, essential = ".".join(steps[:2]), _ESSENTIAL[steps[0]]
    return f"{item}.{essential}" in typed if essential else item in files


def _plain_type(content_type: str) -> str:
    plain = content_type.partition(";")[0].strip().lower()
    return plain if plain.count("/") == 1 else "application/octet-stream"
