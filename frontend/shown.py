"""What a door answers: one content, told to a program as JSON and shown to a person as a page.

`Shown` is the answer of a door that is looked at. `Done` is the answer of a door that does something: a program
gets JSON; a form's browser is sent on to a page (303), so that reloading or going back repeats nothing.
"""

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from litestar import Response
from litestar.datastructures import Cookie
from litestar.response.base import ASGIResponse
from litestar.utils.scope.state import ScopeState

from frontend.forms import Asked, redirect
from frontend.kept import Drawer, Kept
from frontend.words import Reader, Words

log = logging.getLogger(__name__)

DONE: Mapping[str, Any] = {"done": True}


class Shown(Response[Any]):
    """`told`: what a program gets; `page`: the template; `more`: what the page needs besides."""

    def __init__(self, told: Any, page: str, *, status_code: int = 200, **more: Any) -> None:
        super().__init__(told, status_code=status_code, media_type="application/json")
        self._page = page
        self._more = more

    def to_asgi_response(self, app: Any, request: Any, **given: Any) -> ASGIResponse:
        if not request.wants_page:
            return super().to_asgi_response(app, request, **given)
        html = render(request, self._page, {"told": self.content, **self._more})
        shown = Response(
            html,
            status_code=self.status_code or 200,
            media_type="text/html",
            cookies=self.cookies,
        )
        return shown.to_asgi_response(app, request, **(given | {"status_code": None, "media_type": None}))


class Done(Response[Any]):
    """`to`: the page to go on with; the one that the form stood on if left out. With `show`, `told` is then shown there
    once; with `again`, the form as it was typed.
    """

    def __init__(
        self,
        told: Mapping[str, Any] = DONE,
        *,
        to: str | None = None,
        cookies: list[Cookie] | None = None,
        status_code: int | None = None,
        show: bool = False,
        again: bool = False,
    ) -> None:
        super().__init__(
            dict(told), cookies=cookies or [], media_type="application/json", status_code=status_code or 200
        )
        self._to = to
        self._show = show
        self._again = again

    def to_asgi_response(self, app: Any, request: Any, **given: Any) -> ASGIResponse:
        form = request.sent
        if form is None:
            return super().to_asgi_response(app, request, **given)
        to = self._to or form.page
        if self._show:
            to = self._with(request, to, Kept(form=form.form, told=dict(self.content)))
        if self._again:
            to = self._with(request, to, Kept(form=form.form, typed=form.typed, files=form.files))
        request.app.state.presses.end(request.copy, to)
        return redirect(to, self.cookies).to_asgi_response(
            app, request, **(given | {"status_code": None, "media_type": None})
        )

    def _with(self, request: Asked, to: str, kept: Kept) -> str:
        """The page that tells it once. Where there is no room to keep it the step is done all the same, and the page
        shows how things stand.
        """
        try:
            return with_kept(request, to, kept)
        except OSError:
            log.exception("what a step answered could not be kept")
            return to


def with_kept(request: Asked, page: str, kept: Kept) -> str:
    """The page's address with what it is to show again, beginning at what is wrong."""
    drawer: Drawer = request.app.state.drawer
    address, _, fragment = page.partition("#")
    path, _, query = address.partition("?")
    others = [part for part in query.split("&") if part and not part.startswith("kept=")]
    token = drawer.put(request.browser, kept)
    there = "problem" if kept.problem else fragment or kept.form
    mark = f"#{there}" if there else ""
    return f"{path}?{'&'.join([*others, f'kept={quote(token)}'])}{mark}"


def reader_of(request: Asked, place_language: str = "") -> Reader:
    """The language chosen in this browser, else the place's, else the browser's own, else English."""
    words: Words = request.app.state.words
    wanted = request.cookies.get("language") or place_language
    return words.reader(wanted, request.headers.get("accept-language", ""))


def render(request: Asked, page: str, context: Mapping[str, Any]) -> str:
    """The page in the language of who asks."""
    drawer: Drawer = request.app.state.drawer
    token = request.query_params.get("kept", "")
    return reader_of(request, str(context.get("place_language") or "")).render(
        page,
        {
            "path": request.scope["path"],
            "address": _address(request),
            "csrf": csrf(request),
            "kept": (drawer.get(request.browser, token) if token else None) or Kept(),
            "kept_token": token,
            **context,
        },
    )


def _address(request: Asked) -> str:
    """Where the browser is, without what was kept."""
    query = [(name, value) for name, value in request.query_params.multi_items() if name != "kept"]
    return f"{request.scope['path']}?{urlencode(query)}" if query else str(request.scope["path"])


def csrf(request: Asked) -> str:
    """The token that a form on this page must carry back."""
    token = ScopeState.from_scope(request.scope).csrf_token
    return token if isinstance(token, str) else request.browser
