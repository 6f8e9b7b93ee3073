"""The sitting: every verb of the room is one door."""

from typing import Literal
from uuid import UUID

from litestar import Controller, get, post
from pydantic import Field

from frontend.shown import Done, Shown
from frontend.spine import Spine
from hearings.actors import Actor
from hearings.errors import NotFound
from hearings.room import Adjournment, Caution, Conduct, Exhibit, Oath, Room, Words
from hearings.said import Said
from hearings.sentences import say
from media.channels import Kind


class OwnMute(Said):
    kind: Literal[Kind.AUDIO, Kind.CAMERA, Kind.DOCUMENT]
    muted: bool


class Why(Said):
    text: str | None = Field(default=None, min_length=1, max_length=4000)


class CheckPages(Controller):
    """The test of camera and microphone, for whoever holds a place."""

    tags = ["room"]
    path = "/check"

    @get("/", sync_to_thread=False)
    def check(self, spine: Spine) -> Shown:
        if not spine.view["you"]["in_room"]:
            raise NotFound(say("There is no such page for you."))
        return spine.own_page("check.html", "check", told=spine.view["you"])


class RoomPages(Controller):
    tags = ["room"]
    path = "/room"

    @get("/", sync_to_thread=False)
    def show(self, spine: Spine) -> Shown:
        return spine.own_page("room.html", "room", told=spine.view)

    @post("/open", sync_to_thread=True, status_code=200)
    def open(self, actor: Actor, room: Room) -> Done:
        room.open(actor)
        return Done()

    @post("/on-record", sync_to_thread=True, status_code=200)
    def go_on_record(self, actor: Actor, room: Room) -> Done:
        room.go_on_record(actor)
        return Done()

    @post("/examine", sync_to_thread=True, status_code=200)
    def examine(self, actor: Actor, room: Room) -> Done:
        room.examine(actor)
        return Done()

    @post("/off-record", sync_to_thread=True, status_code=200)
    def go_off_record(self, data: Words, actor: Actor, room: Room) -> Done:
        room.go_off_record(actor, data)
        return Done()

    @post("/suspend", sync_to_thread=True, status_code=200)
    def suspend(self, data: Words, actor: Actor, room: Room) -> Done:
        room.suspend(actor, data)
        return Done()

    @post("/resume", sync_to_thread=True, status_code=200)
    def resume(self, data: Words, actor: Actor, room: Room) -> Done:
        room.resume(actor, data)
        return Done()

    @post("/adjourn", sync_to_thread=True, status_code=200)
    def adjourn(self, data: Adjournment, actor: Actor, room: Room) -> Done:
        room.adjourn(actor, data)
        return Done()

    @post("/end", sync_to_thread=True, status_code=200)
    def end(self, actor: Actor, room: Room) -> Done:
        room.end(actor)
        return Done()

    @post("/admit/{seat:uuid}", sync_to_thread=True, status_code=200)
    def admit(self, seat: UUID, actor: Actor, room: Room) -> Done:
        room.admit(actor, seat)
        return Done()

    @post("/dismiss/{seat:uuid}", sync_to_thread=True, status_code=200)
    def dismiss(self, seat: UUID, actor: Actor, room: Room, data: Why | None = None) -> Done:
        room.dismiss(actor, seat, Words(text=data.text) if data and data.text else None)
        return Done()

    @post("/oath", sync_to_thread=True, status_code=200)
    def oath(self, data: Oath, actor: Actor, room: Room) -> Done:
        room.note_oath(actor, data)
        return Done()

    @post("/warn", sync_to_thread=True, status_code=200)
    def warn(self, data: Caution, actor: Actor, room: Room) -> Done:
        room.warn(actor, data)
        return Done()

    @post("/exhibit", sync_to_thread=True, status_code=200)
    def exhibit(self, data: Exhibit, actor: Actor, room: Room) -> Done:
        room.note_exhibit(actor, data)
        return Done()

    @post("/report", sync_to_thread=True, status_code=200)
    def report(self, data: Conduct, actor: Actor, room: Room) -> Done:
        room.report(actor, data)
        return Done()

    @post("/note", sync_to_thread=True, status_code=200)
    def note(self, data: Words, actor: Actor, room: Room) -> Done:
        room.note(actor, data)
        return Done()

    @post("/mute", sync_to_thread=True, status_code=200)
    def mute(self, data: OwnMute, actor: Actor, room: Room) -> Done:
        room.mute(actor, data.kind, muted=data.muted)
        return Done()

    @post("/mute/{seat:uuid}", sync_to_thread=True, status_code=200)
    def silence(self, seat: UUID, actor: Actor, room: Room) -> Done:
        """The court closes somebody's microphone; they may open it again."""
        room.silence(actor, seat)
        return Done()
