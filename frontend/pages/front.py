"""The front door, and the language of the pages."""

from litestar import Controller, Response, get
from litestar.datastructures import Cookie

from frontend.forms import Asked, local, redirect
from frontend.settings import Settings
from frontend.words import LANGUAGES


class FrontPages(Controller):
    tags = ["front"]

    @get("/", sync_to_thread=False)
    def front(self) -> Response[bytes]:
        return redirect("/hearings")

    @get("/language", sync_to_thread=False)
    def language(self, request: Asked, settings: Settings, language: str, page: str = "/") -> Response[bytes]:
        """Remembered in this browser. Another language than ours changes nothing."""
        if language not in LANGUAGES:
            return redirect(local(page))
        cookie = Cookie(
            key="language",
            value=language,
            path="/",
            max_age=365 * 24 * 3600,
            samesite="lax",
            secure=settings.secure,
        )
        return redirect(local(page), [cookie])
