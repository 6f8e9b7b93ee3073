"""What lies between two services in tests: requests go straight to the cosigner, unless the line is cut."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from hearings.cosigner import Cosigner, Reply
from hearings.errors import Unreachable
from hearings.web import Answer, Coming


class Wire:
    """A `Web` with one cosigner at its end. `away`: nothing comes through; `lost`: what is asked arrives, and no answer does;
    `change`: what becomes of an answer on the way.
    """

    def __init__(self, cosigner: Cosigner) -> None:
        self.cosigner = cosigner
        self.away = False
        self.lost = False
        self.change: Callable[[str, Reply], Reply] = lambda door, reply: reply
        self.asked: list[tuple[str, bytes]] = []

    def post(self, address: str, data: bytes, **more: Any) -> Answer:
        door = address.removeprefix("https://b.example/cosign/")
        self.asked.append((door, data))
        if self.away:
            raise Unreachable("b.example does not answer as it should.")
        answer = {"introduce": self.cosigner.introduce, "add-checkpoint": self.cosigner.add_checkpoint}[door]
        reply = self.change(door, answer(data))
        if self.lost:
            raise Unreachable("b.example does not answer as it should.")
        return Answer(reply.status, reply.data)

    def get(self, address: str, **more: Any) -> Answer:
        raise AssertionError("nothing is fetched from a cosigner")

    @contextmanager
    def stream(self, address: str, **more: Any) -> Iterator[Coming]:
        raise AssertionError("nothing is fetched from a cosigner")
        yield
