"""A process that queues a letter and sends it, and is killed at a given point: `python -m tests.hearings.letter_carrier`.

One warm process forks a carrier for each line of JSON that it reads; it tells the carrier's pid, and then the signal that
ended it.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn, Self

from sqlmodel import Session

from hearings import servicekey
from hearings.database import Database
from hearings.post import Entry, Post
from scheduling.mail import MailFolder, Postman, SmtpServer

ENTRY = Entry(b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n", "REQUEST")
SECRET = "https://court.example/join/a-secret"
STEPS = ("queue", "claim", "mark")
POINTS = (
    *("queueing", "queued", "claiming", "claimed", "handing-over"),
    *("sending", "sent", "marking", "marked"),
)
"""Before and after each commit, and around the handing over; `sending` is within it."""


def die(*_: object) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


class Carrier:
    def __init__(self, order: dict[str, Any]) -> None:
        self.point = order["point"]
        folder = Path(order["folder"])
        self.database = Database(f"sqlite:///{folder}/test.db")
        self.post = Post(
            servicekey.at(folder / "service.key"),
            lambda: datetime.fromisoformat(order["now"]),
            sender="court@exampleton.invalid",
        )
        self.postman: Postman = (
            SmtpServer("127.0.0.1", order["port"], transport="plain")
            if order["port"]
            else MailFolder(folder / "mail")
        )
        self.steps = iter(STEPS)

    def at(self, point: str) -> None:
        if point == self.point:
            die()

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        ending = {
            "queue": ("queueing", "queued"),
            "claim": ("claiming", "claimed"),
            "mark": ("marking", "marked"),
        }
        before, after = ending[next(self.steps, "claim")]
        with self.database.transaction() as tx:
            yield tx
            tx.flush()
            self.at(before)
        self.at(after)

    def deliver(self, message: Any) -> None:
        self.at("handing-over")
        if self.point == "sending":
            os.link = die  # type: ignore[assignment] # of the folder; a mail server kills us itself
        self.postman.deliver(message)
        self.at("sent")

    def part(self) -> None:
        self.postman.part()

    def carry(self) -> None:
        with self.transaction() as tx:
            self.post.queue(
                tx,
                None,
                to="witness@samplia.invalid",
                subject="A letter",
                text=f"Open {SECRET} and come.",
                kind="link",
                about="aaaaaaaa",
                entry=ENTRY,
                secrets=(SECRET,),
            )
        self.post.deliver(self.transaction, self)


class Office:
    """Where carriers are sent from."""

    def __enter__(self) -> Self:
        self._warm = subprocess.Popen(
            [sys.executable, "-m", "tests.hearings.letter_carrier"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._warm.stdin
        assert self._warm.stdout
        self._warm.stdin.close()
        self._warm.wait(10)
        self._warm.stdout.close()

    def send(self, **order: Any) -> int:
        """The carrier's pid."""
        assert self._warm.stdin
        self._warm.stdin.write(json.dumps(order) + "\n")
        self._warm.stdin.flush()
        return self._told()

    def ended(self) -> int:
        """The signal that ended it, once it is over."""
        return self._told()

    def _told(self) -> int:
        assert self._warm.stdout
        return int(self._warm.stdout.readline())


def main() -> None:
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            try:
                Carrier(json.loads(line)).carry()
            finally:
                os._exit(0)
        print(pid, flush=True)
        print(os.WTERMSIG(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
