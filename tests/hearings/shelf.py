"""A hearing whose file is closed, with a recording, and the parts that keep it: until the time has passed."""

from pathlib import Path
from typing import Any, Self
from uuid import UUID, uuid4

from sqlmodel import col, select

from hearings import seals
from hearings.accounts import Staff
from hearings.actors import Actor
from hearings.database import Database
from hearings.heads import Heads
from hearings.keeping import Destruction, Keeping
from hearings.packing import Packages
from hearings.record import Explanation, Records, Signing
from hearings.roles import Side
from hearings.store import Store
from hearings.tables import Authority, JournalLeaf
from hearings.timestamps import Stamps
from hearings.views import load
from scheduling.mail import MailFolder
from tests import databases
from tests.conftest import FakeClock
from tests.hearings.people_of_law import PASSWORD
from tests.hearings.test_copies import Archive


def authority(
    keeps: int | None = None, gone: int | None = None, *, state: str = "NL", zone: str = "UTC"
) -> Authority:
    return Authority(
        id=uuid4(),
        name=f"Court of {state}",
        state=state,
        zone=zone,
        language="en",
        email="",
        phone="",
        keeps=keeps,
        gone=gone,
        rule=f"Invented Act of {state}, Article 1" if keeps else "",
    )


class Shelf:
    """A hearing with a recording, signed and closed, and the parts that keep it.

    `again`: there was one before the hearing was put back, and its clerk is registered.
    """

    def __init__(
        self,
        archive: Archive,
        database: Database,
        data: Path,
        clock: FakeClock,
        *,
        stamps: Stamps | None = None,
        again: bool = False,
    ) -> None:
        self.archive = archive
        self.standing = archive.standing
        self.house = archive.standing.house
        self.id = archive.standing.id
        self.data = data
        self.clock = clock
        self.store = Store(data / "documents")
        self.letters = MailFolder(data / "mail")
        self.keeping = Keeping(self.house.acts, database, self.store, self.letters, data / "recordings")
        self.clerk = self.signed_in("clerk") if again else self.hire("clerk", self.house.requesting)
        self.seal = seals.found(
            data / "seal", court="Court of Exampleton", organisation_identifier="GOVXX-000000", at=clock()
        )
        self.records = Records(
            self.house.acts,
            self.house.known,
            self.house.recording,
            self.seal,
            self.store,
            stamps=stamps,
        )
        self.heads = Heads(self.house.journal, self.seal, stamps=stamps)
        self.packages = Packages(
            self.house.acts,
            self.seal,
            archive.keys,
            data / "recordings",
            self.heads,
            self.house.known,
            stamps=stamps,
        )

    def hire(self, role: str, authority_id: UUID, login: str = "") -> Staff:
        house, login = self.house, login or role
        administrator = house.accounts.staff(house.accounts.sign_in(login="administrator", password=PASSWORD))
        house.accounts.register(
            house.accounts.invite(administrator, role=role, authority=authority_id),
            login=login,
            name=login.title(),
            password=PASSWORD,
        )
        return self.signed_in(login)

    def signed_in(self, login: str) -> Staff:
        accounts = self.house.accounts
        return accounts.staff(accounts.sign_in(login=login, password=PASSWORD))

    async def close(self) -> Self:
        await self.archive.copies.work()
        return self.ended_and_signed()

    def ended_and_signed(self) -> Self:
        """The file is closed; the copies are there."""
        judge = self.standing.actors["judge"]
        self.house.room.end(judge)
        self.sign()
        self.records.close(self.actor())
        return self

    def sign(self) -> None:
        """Both documents by who answers for them; what they lack is explained."""
        for who, whose in (("authority", Side.REQUESTED), ("judge", Side.REQUESTING)):
            actor = self.standing.actors[who]
            for one in self.records.draft(actor, whose).lacking:
                self.records.explain(
                    actor, Explanation(whose=whose, requirement=one.id, reason="It was not to be had.")
                )
            self.records.sign(actor, Signing(whose=whose, sha256=self.records.draft(actor, whose).digest))

    def actor(self, staff: Staff | None = None) -> Actor:
        return self.house.docket.of_staff(staff or self.clerk, self.id)

    def rules(self, *stated: tuple[int, int | None]) -> Self:
        with self.house.journal.transaction() as tx:
            sides = (self.house.requesting, self.house.requested)
            for id_, (keeps, gone) in zip(sides, stated, strict=True):
                row = tx.get_one(Authority, id_)
                row.keeps, row.gone, row.rule = keeps, gone, f"Invented Act of {row.state}, Article 1"
        return self

    def years(self, n: int) -> Self:
        self.clock.pass_(days=366 * n)
        return self

    def view(self, staff: Staff | None = None) -> dict[str, Any]:
        with self.house.journal.reading() as tx:
            seen = load(tx, self.house.journal, self.house.known, self.id)
        return seen.as_seen_by(self.actor(staff))["keeping"]

    def destroy(self, reference: str = "12/2026", decision: str | None = None) -> None:
        self.keeping.destroy(self.actor(), Destruction(reference=reference, decision=decision))

    def leaves(self) -> list[JournalLeaf]:
        with self.house.journal.reading() as tx:
            rows = tx.exec(
                select(JournalLeaf).where(JournalLeaf.hearing_id == self.id).order_by(col(JournalLeaf.seq))
            )
            return list(rows)

    def bytes_on_disk(self) -> dict[str, bytes]:
        """The database's included, wherever it lies; but for what is only locked by its name, and empty."""
        here = {
            str(path.relative_to(self.data)): path.read_bytes()
            for path in self.data.rglob("*")
            if path.is_file() and path.name != "service.key" and not path.name.startswith(".making-")
        }
        return {**here, databases.DUMP: databases.dump()} if databases.ON_POSTGRESQL else here
