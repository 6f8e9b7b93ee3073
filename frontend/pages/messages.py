"""The message line: everybody to the court, the court to one place."""

from litestar import Controller, post

from frontend.shown import Done
from hearings.actors import Actor
from hearings.messages import Messages, NewMessage


class MessagesPages(Controller):
    tags = ["messages"]

    @post("/messages", sync_to_thread=True, status_code=200)
    def write(self, data: NewMessage, actor: Actor, messages: Messages) -> Done:
        messages.write(actor, data)
        return Done()
