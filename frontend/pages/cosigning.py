"""Cosigning between services: the doors that other services knock at, and what the administrator is shown of it.

The doors are C2SP tlog-witness, and `introduce` besides. Nobody signs in there and no cookie is read or set: what is
asked bears the signature that counts.
"""

import asyncio
import time
from typing import Any

from litestar import Controller, Response, get, post

from frontend.forms import Asked
from frontend.settings import COSIGN, Settings
from frontend.shown import Shown
from hearings import cosigner
from hearings.accounts import ADMINISTRATOR, Staff
from hearings.cosigner import Cosigner, Pace, Reply
from hearings.cosigning import Cosigners
from hearings.errors import NotAllowed
from hearings.sentences import say
from hearings.tree import stamp

AT_ONCE = 4  # of the threads that the doors of hearings need
MOST, SECONDS = 600, 10.0  # requests of one address

_DOOR = {"exclude_from_csrf": True}
_pace = Pace(MOST, SECONDS, time.monotonic)
_inside = asyncio.Semaphore(AT_ONCE)


class CosignDoors(Controller):
    """For programs alone, so they stand in the protocol and not in the description of this service."""

    path = COSIGN
    include_in_schema = False

    @get("/", sync_to_thread=False, opt=_DOOR, media_type=cosigner.TEXT)
    def key(self, cosigner: Cosigner) -> str:
        """The vkey of this service."""
        return f"{cosigner.vkey}\n"

    @post("/introduce", status_code=200, request_max_body_size=cosigner.LONGEST, opt=_DOOR)
    async def introduce(self, request: Asked, cosigner: Cosigner) -> Response[bytes]:
        return await _answered(request, cosigner.introduce)

    @post("/add-checkpoint", status_code=200, request_max_body_size=cosigner.LONGEST, opt=_DOOR)
    async def add_checkpoint(self, request: Asked, cosigner: Cosigner) -> Response[bytes]:
        return await _answered(request, cosigner.add_checkpoint)


async def _answered(request: Asked, ask: Any) -> Response[bytes]:
    if not _pace.allows(request.client.host if request.client else ""):
        return _response(Reply(429, b"Too many requests.\n"))
    body = await request.body()
    async with _inside:
        return _response(await asyncio.to_thread(ask, body))


def _response(reply: Reply) -> Response[bytes]:
    return Response(reply.data, status_code=reply.status, media_type=reply.kind)


class CosigningPages(Controller):
    tags = ["staff"]

    @get("/cosigning", sync_to_thread=True)
    def show(self, staff: Staff, cosigner: Cosigner, cosigners: Cosigners, settings: Settings) -> Shown:
        """Our key, who cosigns for whom, and every sign that a journal is not what it was. For administrators."""
        if staff.role != ADMINISTRATOR:
            raise NotAllowed(say("That is for an administrator."))
        told = {
            "key": cosigner.vkey,
            "address": f"{settings.origin}{COSIGN}",
            "asked": [
                {"cosigner": one.name, "address": one.address, "state": one.state} for one in cosigners.others
            ],
            "services": cosigner.services,
            "contradictions": [{"sentence": one.sentence} for one in cosigners.contradictions()],
            "troubles": [
                {
                    "sentence": one.sentence,
                    "kind": one.kind,
                    "noticed": stamp(one.noticed),
                    "cosigned": one.note.decode(),
                    "shown": one.shown.decode(),
                }
                for one in cosigner.troubles()
            ],
        }
        return Shown(told, "cosigning.html", who=staff.name, role=staff.role)
