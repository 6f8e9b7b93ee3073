"""Two courts with a service each, a closed hearing at the first, and a wire between them that fails as it is told."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from sqlmodel import col, select

from consent import instruments
from frontend.problems import STATUS
from hearings import receiving, seals, sending, servicekey, transfers
from hearings.accounts import Staff
from hearings.actors import Actor
from hearings.acts import Acts
from hearings.database import Database
from hearings.errors import Refusal, Unreachable
from hearings.heads import Heads
from hearings.journal import Journal
from hearings.listening import Film, parts
from hearings.packing import Packages
from hearings.receiving import Receivings
from hearings.record import Records
from hearings.registry import Registry
from hearings.sending import NewSending, Sendings
from hearings.signatures import fingerprint
from hearings.store import Store
from hearings.story import Story
from hearings.tables import GivenReceipt, Received, Sending
from hearings.transfers import Partner
from hearings.web import MOST, Answer, Coming
from tests import databases
from tests.conftest import FakeClock
from tests.hearings.people_of_law import Courthouse

PIECE = 16 * 1024
NAMES = {"a": "Court of Exampleton", "b": "Court of Samplia"}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces so small that a small package has several, and no room that must be left on this disk."""
    small_pieces(monkeypatch)


def small_pieces(patch: pytest.MonkeyPatch) -> None:
    for module in (transfers, sending, receiving):
        patch.setattr(module, "PIECE", PIECE)
    patch.setattr(receiving, "RESERVE", 0)


class Wire:
    """`hearings.web.Web` between the two, in memory. `faults`: of the next requests, one each: "down" (nothing arrives),
    "lost" (it is done, and the answer does not arrive), "cut" (in the middle of what is streamed), "altered" (a byte of
    that), "whole" (a range is not heeded), "rubbish" (an answer of somebody else), "" (none).
    """

    def __init__(self) -> None:
        self.courts: dict[str, Court] = {}
        self.faults: list[str] = []
        self.asked: list[str] = []
        self.streamed = 0

    def get(self, address: str, *, headers: Mapping[str, str] | None = None, most: int = MOST) -> Answer:
        return self._answer("GET", address, b"", headers or {})

    def post(
        self,
        address: str,
        data: bytes,
        *,
        kind: str = "",
        headers: Mapping[str, str] | None = None,
        most: int = MOST,
    ) -> Answer:
        return self._answer("POST", address, data, headers or {})

    @contextmanager
    def stream(
        self, address: str, *, since: int = 0, headers: Mapping[str, str] | None = None
    ) -> Iterator[Coming]:
        fault = self._next("STREAM", address)
        court, path = self._to(address)
        token = (headers or {}).get("authorization", "").removeprefix("Bearer ")
        try:
            film = court.sendings.content(UUID(path.split("/")[2]), token)
        except Refusal as refusal:
            yield Coming(STATUS[type(refusal)][0], None, 0, iter(()))
            return
        start = 0 if fault == "whole" else since
        yield Coming(206 if start else 200, film.size, start, self._pieces(film, start, fault))

    def _pieces(self, film: Film, since: int, fault: str) -> Iterator[bytes]:
        at = since
        for data in parts(film, since, film.size):
            for n in range(0, len(data), 5000):
                piece = data[n : n + 5000]
                if fault == "altered" and n == 0:
                    piece = bytes([piece[0] ^ 1]) + piece[1:]
                if fault == "cut" and at > (since + film.size) // 2:
                    raise Unreachable("The other host does not answer as it should.")
                at += len(piece)
                self.streamed += len(piece)
                yield piece

    def _answer(self, method: str, address: str, data: bytes, headers: Mapping[str, str]) -> Answer:
        fault = self._next(method, address)
        if fault == "rubbish":
            return Answer(200, b"<html>Sign in to this network</html>")
        court, path = self._to(address)
        try:
            told = court.asked(method, path, json.loads(data) if data else None)
            answer = Answer(200, json.dumps(told).encode())
        except Refusal as refusal:
            problem = {"problem": {"sentence": refusal.sentence}}
            answer = Answer(STATUS[type(refusal)][0], json.dumps(problem).encode())
        if fault == "lost":
            raise Unreachable("The other host does not answer as it should.")
        return answer

    def _next(self, method: str, address: str) -> str:
        self.asked.append(f"{method} {urlsplit(address).path}")
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "down":
            raise Unreachable("The other host does not answer as it should.")
        return fault

    def _to(self, address: str) -> tuple["Court", str]:
        parts_ = urlsplit(address)
        return self.courts[str(parts_.hostname)], parts_.path


class Court:
    """One service: its sending and its receiving half."""

    def __init__(
        self,
        name: str,
        folder: Path,
        database: Database,
        clock: FakeClock,
        wire: Wire,
        partners: Iterable[Partner] = (),
    ) -> None:
        self.name, self.folder, self.database, self.clock, self.wire = name, folder, database, clock, wire
        self.key = servicekey.at(folder / "service.key")
        self.journal = Journal(database, self.key, clock)
        self.seal = seals.found(
            folder / "seal", court=NAMES[name], organisation_identifier=f"GOVXX-{name}", at=clock()
        )
        self.partner = Partner(
            NAMES[name], f"https://{name}", frozenset({fingerprint(self.seal.certificate)})
        )
        self.knows(*partners)
        wire.courts[name] = self

    def knows(self, *partners: Partner) -> Self:
        acts = Acts(self.journal)
        self.packages = Packages(
            acts,
            self.seal,
            Registry(self.key),
            self.folder / "recordings",
            Heads(self.journal, self.seal),
            instruments.load(),
        )
        self.sendings = Sendings(
            acts,
            self.seal,
            self.key,
            partners=partners,
            web=self.wire,
            packages=self.packages,
            folder=self.folder / "packages",
        )
        self.receivings = Receivings(
            self.journal,
            self.seal,
            self.key,
            partners=partners,
            web=self.wire,
            folder=self.folder / "received",
            court=NAMES[self.name],
        )
        return self

    def asked(self, method: str, path: str, data: Any) -> Any:
        match method, path.strip("/").split("/"):
            case "GET", ["transfers", "lock"]:
                return self.receivings.lock().told()
            case "POST", ["transfers"]:
                return {"receipts": [one.told() for one in self.receivings.announce(data)]}
            case "POST", ["transfers", number, "receipts"]:
                self.sendings.take(UUID(number), data["receipts"])
                return {}
        raise AssertionError(path)

    def received(self) -> list[Received]:
        with self.journal.reading() as tx:
            return list(tx.exec(select(Received).order_by(col(Received.created))))

    def given(self) -> dict[str, bool]:
        """Receipts by their kind, and whether the other side has them."""
        with self.journal.reading() as tx:
            return {row.kind: row.told is not None for row in tx.exec(select(GivenReceipt))}

    def bytes_of(self, staff: Staff, received: UUID) -> bytes:
        film, _ = self.receivings.film(staff, received)
        with film.stream as stream:
            return stream.read()


class Known(NamedTuple):
    """Who and what there is, where it is in the databases already."""

    house: tuple[UUID, UUID, Staff]
    clerk: Staff
    hearing: UUID
    reader: tuple[UUID, UUID, Staff]
    receiver: Staff


class TwoCourts:
    """`a` has a closed hearing, and a clerk; `b` is to receive it, and has a clerk too."""

    def __init__(
        self, folder: Path, database: Database, clock: FakeClock, known: Known | None = None
    ) -> None:
        self.folder, self.clock, self.wire = folder, clock, Wire()
        journal = Journal(database, servicekey.at(folder / "service.key"), clock)
        self.house = Courthouse(journal, folder, known and known.house)
        if known is None:
            (folder / "b").mkdir()
            other = databases.file(folder / "b")
        else:
            other = databases.reopened(folder / "b")
        self.a = Court("a", folder, database, clock, self.wire)
        self.b = Court("b", folder / "b", other, clock, self.wire)
        self.a.knows(self.b.partner)
        self.b.knows(self.a.partner)
        self.reader = Courthouse(self.b.journal, self.b.folder, known and known.reader)
        if known is None:
            self.clerk = self.house.hired("clerk", self.house.requesting)
            self.hearing = self.closed("12/2026")
            self.receiver = self.reader.hired("clerk", self.reader.requesting)
        else:
            self.clerk, self.hearing, self.receiver = known.clerk, known.hearing, known.receiver

    def known(self) -> Known:
        one, other = (
            (house.requesting, house.requested, house.coordinator) for house in (self.house, self.reader)
        )
        return Known(one, self.clerk, self.hearing, other, self.receiver)

    def closed(self, reference: str) -> UUID:
        standing = self.house.requested_hearing(reference=reference).accepted().scheduled().seated().opened()
        self.house.room.end(standing.actors["judge"])
        records = Records(
            self.house.acts,
            self.house.known,
            self.house.recording,
            self.a.seal,
            Store(self.folder / "documents"),
        )
        records.close(self.house.docket.of_staff(self.clerk, standing.id))
        return standing.id

    @property
    def actor(self) -> Actor:
        return self.house.docket.of_staff(self.clerk, self.hearing)

    def send(self) -> UUID:
        return self.a.sendings.send(self.actor, NewSending(partner=NAMES["b"]))

    def travel(self, rounds: int = 1) -> Self:
        """Both sides do what is due, some hours on end."""
        for _ in range(rounds):
            self.a.sendings.work()
            self.b.receivings.work()
            self.a.sendings.work()
            if rounds > 1:
                self.clock.pass_(minutes=61)
        return self

    def row(self) -> Sending:
        with self.a.journal.reading() as tx:
            return tx.exec(select(Sending)).one()

    def state(self) -> str:
        return str(self.a.sendings.listed(self.actor)[0]["state"])

    def story(self) -> Story:
        with self.a.journal.reading() as tx:
            return Story().tell(self.a.journal.entries(tx, self.hearing))

    def leaves(self) -> list[str]:
        """What the journal says of sendings, by type."""
        with self.a.journal.reading() as tx:
            types = [one.event.type for one in self.a.journal.entries(tx, self.hearing)]
        return [one.removeprefix("custody.") for one in types if one.startswith("custody.")]

    def package(self) -> bytes:
        with self.a.packages.made(self.hearing, "full").stream as stream:
            return stream.read()

    def close(self) -> None:
        self.b.database.close()


def ours(folder: Path) -> list[str]:
    """Files that are left of travelling."""
    return sorted(path.name for path in folder.glob("[!.]*") if path.suffix != ".asice")
