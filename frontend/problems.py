"""Refusals as answers: which status each kind has, and the one shape in which a refusal is told.

    {"problem": {"kind": "not-ready", "sentence": "…", "hints": ["…"], "field": null}}

What nobody foresaw is logged under a reference and told as a calm sentence with that reference.
"""

import logging
import secrets
from typing import Any

from litestar import Request, Response
from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException, ValidationException
from pydantic import BaseModel

from hearings import errors

log = logging.getLogger(__name__)

STATUS: dict[type[errors.Refusal], tuple[int, str]] = {
    errors.NotFound: (404, "not-found"),
    errors.NotSignedIn: (401, "not-signed-in"),
    errors.NotAllowed: (403, "not-allowed"),
    errors.NotNow: (409, "not-now"),
    errors.NotReady: (409, "not-ready"),
    errors.AlreadyDone: (409, "already-done"),
    errors.NotValid: (422, "not-valid"),
    errors.Unverifiable: (422, "unverifiable"),
    errors.Unreachable: (503, "unreachable"),
}

_SENTENCES = {
    400: "This request could not be read.",
    401: "Sign in first.",
    403: "This request did not come from a page of this service. Open the page again and try once more.",
    404: "There is nothing here.",
    405: "That cannot be done here.",
    413: "This is too large.",
    415: "This kind of content is not taken here.",
    429: "Too many attempts. Wait a little and try again.",
}


class Problem(BaseModel):
    kind: str
    sentence: str
    hints: list[str] = []
    field: str | None = None


def told(status: int, problem: Problem) -> Response[dict[str, Any]]:
    return Response({"problem": problem.model_dump()}, status_code=status, media_type="application/json")


def on_refusal(_request: Request[Any, Any, Any], refusal: errors.Refusal) -> Response[dict[str, Any]]:
    status, kind = STATUS.get(type(refusal), (503, "refused"))
    return told(
        status, Problem(kind=kind, sentence=str(refusal), hints=list(refusal.hints), field=refusal.field)
    )


def on_invalid(_request: Request[Any, Any, Any], error: ValidationException) -> Response[dict[str, Any]]:
    """A body or address that is not of the shape asked for: each part with what is wrong."""
    parts = [part for part in (error.extra or []) if isinstance(part, dict)]
    hints = [f"{part.get('key') or 'the content'}: {_plain(str(part.get('message', '')))}" for part in parts]
    field = str(parts[0].get("key")) if parts and parts[0].get("key") else None
    return told(
        422,
        Problem(
            kind="not-valid", sentence="Some of this cannot be taken as it is.", hints=hints, field=field
        ),
    )


def on_http(_request: Request[Any, Any, Any], error: HTTPException) -> Response[dict[str, Any]]:
    sentence = _SENTENCES.get(error.status_code, "This could not be done.")
    return told(error.status_code, Problem(kind="http", sentence=sentence))


def on_bottomless(_request: Request[Any, Any, Any], _error: RecursionError) -> Response[dict[str, Any]]:
    """JSON that is nested without end."""
    return told(422, Problem(kind="not-valid", sentence="This is nested too deeply to be read."))


def on_unforeseen(request: ASGIConnection[Any, Any, Any, Any], error: Exception) -> Response[dict[str, Any]]:
    reference = secrets.token_hex(4)
    log.error("unforeseen, reference %s, at %s", reference, request.scope.get("path"), exc_info=error)
    sentence = (
        "Something went wrong that should not have. Nothing was changed by this step. "
        f"Tell the service's support this reference: {reference}."
    )
    return told(500, Problem(kind="unforeseen", sentence=sentence))


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ").removeprefix("Assertion failed, ")


HANDLERS: dict[Any, Any] = {
    errors.Refusal: on_refusal,
    ValidationException: on_invalid,
    HTTPException: on_http,
    RecursionError: on_bottomless,
    Exception: on_unforeseen,
}
