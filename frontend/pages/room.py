"""The sitting: every verb of the room is one door."""

from typing import Literal
from uuid import UUID

from litestar import Controller, post

from hearings.actors import Actor
from hearings.room import Adjournment, Oath, Room, Words
from hearings.said import Said
from media.channels import Kind

Done = dict[Literal["done"], bool]
_DONE: Done = {"done": True}


class OwnMute(Said):
    kind: Kind
    muted: bool


class RoomPages(Controller):
    tags = ["room"]
    path = "/room"

    @post("/open", sync_to_thread=True, status_code=200)
    def open(self, actor: Actor, room: Room) -> Done:
        room.open(actor)
        return _DONE

    @post("/on-record", sync_to_thread=True, status_code=200)
    def go_on_record(self, actor: Actor, room: Room) -> Done:
        room.go_on_record(actor)
        return _DONE

    @post("/examine", sync_to_thread=True, status_code=200)
    def examine(self, actor: Actor, room: Room) -> Done:
        room.examine(actor)
        return _DONE

    @post("/off-record", sync_to_thread=True, status_code=200)
    def go_off_record(self, data: Words, actor: Actor, room: Room) -> Done:
        room.go_off_record(actor, data)
        return _DONE

    @post("/suspend", sync_to_thread=True, status_code=200)
    def suspend(self, data: Words, actor: Actor, room: Room) -> Done:
        room.suspend(actor, data)
        return _DONE

    @post("/resume", sync_to_thread=True, status_code=200)
    def resume(self, data: Words, actor: Actor, room: Room) -> Done:
        room.resume(actor, data)
        return _DONE

    @post("/adjourn", sync_to_thread=True, status_code=200)
    def adjourn(self, data: Adjournment, actor: Actor, room: Room) -> Done:
        room.adjourn(actor, data)
        return _DONE

    @post("/end", sync_to_thread=True, status_code=200)
    def end(self, actor: Actor, room: Room) -> Done:
        room.end(actor)
        return _DONE

    @post("/admit/{seat:uuid}", sync_to_thread=True, status_code=200)
    def admit(self, seat: UUID, actor: Actor, room: Room) -> Done:
        room.admit(actor, seat)
        return _DONE

    @post("/dismiss/{seat:uuid}", sync_to_thread=True, status_code=200)
    def dismiss(self, seat: UUID, actor: Actor, room: Room, data: Words | None = None) -> Done:
        room.dismiss(actor, seat, data)
        return _DONE

    @post("/oath", sync_to_thread=True, status_code=200)
    def oath(self, data: Oath, actor: Actor, room: Room) -> Done:
        room.note_oath(actor, data)
        return _DONE

    @post("/note", sync_to_thread=True, status_code=200)
    def note(self, data: Words, actor: Actor, room: Room) -> Done:
        room.note(actor, data)
        return _DONE

    @post("/mute", sync_to_thread=True, status_code=200)
    def mute(self, data: OwnMute, actor: Actor, room: Room) -> Done:
        room.mute(actor, data.kind, muted=data.muted)
        return _DONE
