"""Refusals as answers: which status each kind has, and the one shape in which a refusal is told.

    {"problem": {"kind": "not-ready", "sentence": "…", "hints": ["…"], "field": null, "fields": {}}}

A browser gets a page instead; a browser that sent a form is sent back to the page where the form stands, with
everything that was typed and what is wrong with it. If the login has run out, signing in comes between.
What nobody foresaw is logged under a reference and told as a calm sentence with that reference.
"""

import dataclasses
import logging
import re
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from litestar import Response
from litestar.exceptions import HTTPException, ValidationException

from frontend.forms import Asked, redirect
from frontend.kept import Kept
from frontend.shown import reader_of, render, with_kept
from hearings import errors
from hearings.said import WRONG
from hearings.sentences import Sentence, recognised, say

log = logging.getLogger(__name__)

STATUS: dict[type[errors.Refusal], tuple[int, str]] = {
    errors.NotFound: (404, "not-found"),
    errors.NotSignedIn: (401, "not-signed-in"),
    errors.NotAllowed: (403, "not-allowed"),
    errors.TooMany: (429, "too-many"),
    errors.Destroyed: (410, "destroyed"),
    errors.NotNow: (409, "not-now"),
    errors.NotYet: (409, "not-yet"),
    errors.NotReady: (409, "not-ready"),
    errors.AlreadyDone: (409, "already-done"),
    errors.NotValid: (422, "not-valid"),
    errors.Unverifiable: (422, "unverifiable"),
    errors.Unreachable: (503, "unreachable"),
}

_SENTENCES = {
    400: say("This request could not be read."),
    401: say("Sign in first."),
    403: say("This request did not come from a page of this service. Open the page again and try once more."),
    404: say("There is nothing here."),
    405: say("That cannot be done here."),
    408: say("This did not arrive in time, and nothing is changed. Send it again over a faster connection."),
    413: say("This is too large."),
    415: say("This kind of content is not taken here."),
    429: say("Too many attempts. Wait a little and try again."),
}


@dataclass(frozen=True)
class Problem:
    """`fields`: what is wrong with each, by its path; `field`: the first of them."""

    kind: str
    sentence: str
    hints: tuple[str, ...] = ()
    field: str | None = None
    fields: dict[str, str] = dataclasses.field(default_factory=dict)


_SHAPES: tuple[tuple[re.Pattern[str], Sentence], ...] = tuple(
    (re.compile(pattern), sentence)
    for pattern, sentence in (
        (r"Field required|at least 1 (character|item)", say("This is missing.")),
        (r"valid integer|valid number", say("Write a number.")),
        (r"valid datetime|valid date|timezone", say("Write a date and a time.")),
        (r"match pattern.*@", say("Write a mail address, such as name@court.example.")),
        (
            r"valid UUID|Input should be '|match pattern",
            say("Choose one of the list, or write it in the usual form."),
        ),
        (r"valid boolean", say("Choose yes or no.")),
    )
)
_LIMITS: tuple[tuple[re.Pattern[str], Sentence], ...] = tuple(
    (re.compile(pattern), sentence)
    for pattern, sentence in (
        (r"at most (\d+) character", say("This is too long: at most {n} characters.", n=0)),
        (r"at least (\d+) character", say("This is too short: at least {n} characters.", n=0)),
        (r"at most (\d+) item", say("These are too many: at most {n}.", n=0)),
        (r"greater than or equal to (-?\d+)", say("This is too small: at least {n}.", n=0)),
        (r"less than or equal to (-?\d+)", say("This is too large: at most {n}.", n=0)),
    )
)


def on_refusal(request: Asked, refusal: errors.Refusal) -> Response[Any]:
    if isinstance(refusal, errors.Destroyed) and (request.wants_page or request.sent is not None):
        return redirect(f"/hearings/{refusal.hearing}/certificate")
    status, kind = STATUS.get(type(refusal), (503, "refused"))
    fields = {refusal.field: refusal.sentence} if refusal.field else {}
    hints = tuple(refusal.hints)
    again = isinstance(refusal, errors.NotYet) and request.wants_page and request.sent is None
    if isinstance(refusal, errors.NotYet):
        hints += (say("This page asks again by itself.") if again else say("Ask for it again shortly."),)
    told = answer(request, status, Problem(kind, refusal.sentence, hints, refusal.field, fields))
    if isinstance(refusal, errors.TooMany | errors.NotYet):
        told.headers["retry-after"] = str(refusal.seconds)
        if again:
            told.headers["refresh"] = str(refusal.seconds)
    return told


def on_invalid(request: Asked, error: ValidationException) -> Response[Any]:
    """A body or address that is not of the shape asked for: each part with what is wrong."""
    parts = [part for part in (error.extra or []) if isinstance(part, dict)]
    fields = {str(part["key"]): _plain(str(part.get("message", ""))) for part in parts if part.get("key")}
    hints = tuple(
        say(
            "{part}: {wrong}",
            part=part.get("key") or say("the content"),
            wrong=_plain(str(part.get("message", ""))),
        )
        for part in parts
    )
    problem = Problem(
        "not-valid", say("Some of this cannot be taken as it is."), hints, next(iter(fields), None), fields
    )
    return answer(request, 422, problem)


def on_http(request: Asked, error: HTTPException) -> Response[Any]:
    sentence = _SENTENCES.get(error.status_code, say("This could not be done."))
    return answer(request, error.status_code, Problem("http", sentence))


def on_no_file(request: Asked, _error: Exception) -> Response[Any]:
    """A name that no file can have."""
    return answer(request, 404, Problem("http", _SENTENCES[404]))


def on_bottomless(request: Asked, _error: RecursionError) -> Response[Any]:
    """JSON that is nested without end."""
    return answer(request, 422, Problem("not-valid", say("This is nested too deeply to be read.")))


def on_unforeseen(request: Asked, error: Exception) -> Response[Any]:
    reference = secrets.token_hex(4)
    log.error("unforeseen, reference %s, at %s", reference, request.scope.get("path"), exc_info=error)
    sentence = say(
        "Something went wrong that should not have. Nothing was changed by this step. "
        "Tell the service's support this reference: {reference}.",
        reference=reference,
    )
    return answer(request, 500, Problem("unforeseen", sentence))


def answer(request: Asked, status: int, problem: Problem) -> Response[Any]:
    """As JSON, as a page, or back to the form."""
    if request.sent is not None:
        return _back(request, status, problem)
    if request.wants_page:
        if status == 401 and not _of_place(request):
            return redirect(_sign_in(_here(request)))
        return shown(request, status, problem)
    told = {**dataclasses.asdict(problem), "hints": list(problem.hints)}
    return Response({"problem": told}, status_code=status, media_type="application/json")


def shown(request: Asked, status: int, problem: Problem) -> Response[str]:
    page = render(
        request, "problem.html", {"problem": problem, "status": status, "place": _of_place(request)}
    )
    return Response(page, status_code=status, media_type="text/html")


def _back(request: Asked, status: int, problem: Problem) -> Response[Any]:
    """To the page of the form, filled in again; what cannot be kept is told as a page of its own."""
    form = request.sent
    request.app.state.presses.end(request.copy, None)
    if form is None or not request.browser:
        return shown(request, status, problem)
    reader = reader_of(request)
    told = {
        "sentence": reader.tell(problem.sentence),
        "hints": [reader.tell(hint) for hint in problem.hints] if not problem.fields else [],
        "fields": {name: reader.tell(sentence) for name, sentence in problem.fields.items()},
    }
    kept = Kept(form=form.form, typed=_open(form.typed), files=form.files, problem=told)
    try:
        page = with_kept(request, form.page, kept)
    except OSError:
        log.exception("what was typed could not be kept")
        return shown(request, status, problem)
    ask = status == 401 and not _of_place(request) and not form.page.startswith("/sign-in")
    return redirect(_sign_in(page) if ask else page)


def _open(typed: dict[str, str]) -> dict[str, str]:
    """Passwords are not kept."""
    return {name: text for name, text in typed.items() if not name.startswith("password")}


def _sign_in(page: str) -> str:
    return f"/sign-in?next={quote(page, safe='')}"


def _here(request: Asked) -> str:
    query = request.scope.get("query_string", b"").decode("latin-1")
    return f"{request.scope['path']}{f'?{query}' if query else ''}"


def _of_place(request: Asked) -> bool:
    return str(request.scope["path"]).startswith(("/places/", "/join/"))


def _plain(message: str) -> str:
    """What pydantic says, in words for a clerk."""
    for pattern, limit in _LIMITS:
        found = pattern.search(message)
        if found and found.group(1) not in {"0", "1"}:
            return say(limit.template, n=found.group(1))
    for shape, sentence in _SHAPES:
        if shape.search(message):
            return sentence
    return recognised(message.removeprefix("Value error, ").removeprefix("Assertion failed, "), WRONG)


HANDLERS: dict[Any, Any] = {
    errors.Refusal: on_refusal,
    ValidationException: on_invalid,
    HTTPException: on_http,
    RecursionError: on_bottomless,
    Exception: on_unforeseen,
}
OF_FILES: dict[Any, Any] = {ValueError: on_no_file}
