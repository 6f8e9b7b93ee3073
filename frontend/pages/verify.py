"""Anybody checks a package here, without an account. Nothing of it is kept.

The same checks run offline with `vivavoce verify`; the page says so, for who does not want to send a record away. It also gives
away the verifier for the browser, which should come from a court and not with what it checks.
"""

import asyncio
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from litestar import Controller, Response, get, post
from litestar.datastructures import UploadFile

from frontend.forms import Asked
from frontend.shown import Shown
from hearings import verify
from hearings.errors import NotValid, Unreachable
from hearings.sentences import say
from hearings.verify import Verdict
from hearings.verify_page import page

LARGEST = 4 * 1024**3  # bytes
LARGEST_TRUST = 1024**2
AT_ONCE = 2
_PIECE = 1024**2

_running = asyncio.Semaphore(AT_ONCE)


class VerifyPages(Controller):
    tags = ["verify"]

    @get("/verify", sync_to_thread=False)
    def ask(self) -> Shown:
        return Shown({"verdict": None}, "verify.html")

    @get("/verify/page", sync_to_thread=False)
    def offline(self) -> Response[bytes]:
        """The page that checks in a browser without a network, to be kept: it would not run under this site's policy."""
        headers = {"content-disposition": 'attachment; filename="verify.html"'}
        return Response(page(), media_type="text/html", headers=headers)

    @post(
        "/verify",
        status_code=200,
        request_max_body_size=LARGEST,
        opt={"streams": True},
        exclude_from_csrf=True,
    )
    async def verify(self, request: Asked) -> Shown:
        """A form with `package` and, if there is one, `trust`. Raises: NotValid, Unreachable."""
        if _running.locked():  # before the upload: what strangers send may not fill the disk
            raise Unreachable(say("Other records are being verified. Try again in a minute."))
        async with _running:
            return await _answered(request)


async def _answered(request: Asked) -> Shown:
    form = await request.form()
    package, trust = form.get("package"), form.get("trust")
    if not isinstance(package, UploadFile) or not package.filename:
        raise NotValid(say("Choose the package, a file that ends in .asice."), field="package")
    known = await trust.read(LARGEST_TRUST) if isinstance(trust, UploadFile) and trust.filename else None
    verdict = await _checked(package, known or None)
    return Shown({"verdict": _told(verdict), "name": package.filename}, "verify.html")


async def _checked(package: UploadFile, trust: bytes | None) -> Verdict:
    with tempfile.TemporaryDirectory(prefix="verify-") as folder:
        path = Path(folder) / "package.asice"
        with path.open("wb") as file:
            while piece := await package.read(_PIECE):
                await asyncio.to_thread(file.write, piece)
        return await asyncio.to_thread(verify.verify, path, trust=trust, head=None, at=datetime.now(UTC))


def _told(verdict: Verdict) -> dict[str, Any]:
    return {
        "accepted": verdict.accepted,
        "sentence": verdict.sentence,
        "checks": [
            {"name": check.name, "outcome": str(check.outcome), "sentence": check.sentence}
            for check in verdict.checks
        ],
    }
