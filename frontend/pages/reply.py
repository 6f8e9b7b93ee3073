"""Answers of those who were invited, through the link in their letter: looking at it answers nothing."""

from litestar import Controller, get, post

from frontend.shown import Done, Shown
from hearings.notices import Notices, Reply
from hearings.tree import stamp


class ReplyPages(Controller):
    tags = ["reply"]
    path = "/reply"

    @get("/{token:str}", sync_to_thread=True)
    def show(self, token: str, notices: Notices) -> Shown:
        invited = notices.behind(token)
        told = {
            "name": invited.told.name,
            "start": stamp(invited.told.start),
            "minutes": invited.told.minutes,
            "answer": invited.answer,
            "closed": invited.closed,
        }
        return Shown(told, "reply.html", invited=invited, place_language=invited.told.language)

    @post("/{token:str}", sync_to_thread=True, status_code=200)
    def answer(self, token: str, data: Reply, notices: Notices) -> Done:
        notices.answer(token, data)
        return Done(to=f"/reply/{token}")
