"""The docket of the demonstration, and every page of it that somebody can look at."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from frontend.demo import DOCKET, EXPERT, LAWYER, Case, House, together
from frontend.rehearse import PASSWORD, free_port
from frontend.visitor import Visitor, eventually
from tests.scheduling.notifications import notification


@dataclass(frozen=True)
class Look:
    """Who looks at which page; `name` says what it shows."""

    name: str
    visitor: Visitor
    path: str


@dataclass(frozen=True)
class Docket:
    house: House
    cases: dict[str, Case]
    nobody: Visitor
    link: str
    invitation: str
    letter: str
    test: str
    ticket: str
    reply: str
    offer: str

    @property
    def seats(self) -> list[Visitor]:
        """Those who sit in the hearing that is in session."""
        return list(self.cases["examining"].seats)

    def looks(self) -> Iterator[Look]:
        """Every page, each in the states in which it differs; the rooms come last, since they take a place over."""
        yield from self._of_nobody()
        yield from self._of_staff()
        yield from self._of_hearings()
        yield from self._of_places()

    def _of_nobody(self) -> Iterator[Look]:
        nobody = self.nobody
        yield Look("sign-in", nobody, "/sign-in")
        yield Look("verify", nobody, "/verify")
        yield Look("join", nobody, self.link)
        yield Look("invitation", nobody, self.invitation)
        yield Look("test-link", nobody, self.ticket)
        yield Look("reply", nobody, self.reply)
        yield Look("collect", nobody, self.offer)

    def _of_staff(self) -> Iterator[Look]:
        house = self.house
        yield Look("docket", house.coordinator, "/hearings")
        yield Look("docket-found", house.coordinator, "/hearings?which=open&text=Witness")
        yield Look("request-new", house.coordinator, "/hearings/new")
        found = f"/hearings/new?requesting={house.requesting}&requested={house.far}&capacity=accused"
        yield Look("request-new-found", house.coordinator, found)
        yield Look("docket-abroad", house.other, "/hearings")
        yield Look("docket-judge", house.judge, "/hearings")
        yield Look("account", house.clerk, "/account")
        yield Look("staff", house.administrator, "/staff")
        yield Look("notices", house.administrator, "/notices")
        yield Look("docket-administrator", house.administrator, "/hearings")
        yield Look("received", house.clerk, "/received")
        yield Look("cosigning", house.administrator, "/cosigning")

    def _of_hearings(self) -> Iterator[Look]:
        mine, theirs = self.house.coordinator, self.house.other
        for page, visitor, states in (
            ("", mine, ("requested", "scheduled", "on-record", "closed")),
            ("/request", mine, ("declined", "scheduled")),
            ("/request", theirs, ("requested",)),
            ("/instrument", mine, ("scheduled",)),
            ("/schedule", mine, ("requested", "accepted", "scheduled", "open", "adjourned", "cancelled")),
            ("/schedule", theirs, ("open", "cancelled")),
            ("/people", mine, ("accepted", "scheduled", "examining")),
            ("/people?adding=abroad", mine, ("accepted",)),
            ("/people?adding=party", mine, ("accepted",)),
            ("/letters", mine, ("scheduled", "adjourned")),
            ("/letters", theirs, ("adjourned",)),
            ("/checklist", mine, ("accepted", "scheduled", "open")),
            ("/checklist", theirs, ("open",)),
            ("/declarations", mine, ("accepted", "examining")),
            ("/room", mine, ("scheduled", "open", "on-record", "suspended", "ended")),
            ("/record", mine, ("scheduled", "ended", "closed")),
            ("/record", self.house.clerk, ("ended",)),
            ("/protection", self.house.judge, ("ended",)),
            ("/sending", self.house.clerk, ("closed",)),
            ("/record/wording/requesting", self.house.clerk, ("ended",)),
            ("/record/draft/requesting", self.house.clerk, ("ended",)),
            ("/listen", self.house.clerk, ("scheduled", "closed")),
            ("/listen/1", self.house.clerk, ("closed",)),
            ("/keeping", self.house.clerk, ("scheduled", "closed")),
            ("/journal", mine, ("closed",)),
            ("/journal?kind=people", mine, ("closed",)),
        ):
            for state in states:
                name = f"{page.strip('/').replace('?adding=', '-').replace('?kind=', '-').replace('/', '-') or 'overview'}-{state}"
                yield Look(
                    f"{name}{'-abroad' if visitor is theirs else ''}",
                    visitor,
                    f"/hearings/{self.cases[state].id}{page}",
                )
        choosing = f"/hearings/{self.cases['accepted'].id}/schedule"
        third = "day=2031-10-26&time=02:30&zone=Europe/Paris"  # a third clock, which shows this time twice
        yield Look("schedule-accepted-asked", mine, f"{choosing}?{third}")

    def _back(self, seat: Visitor) -> Visitor:
        """That one has gone home; this one comes back with the same cookies."""
        visitor = self.house.visitor()
        visitor.http.cookies.update(seat.http.cookies)
        return visitor

    def _of_places(self) -> Iterator[Look]:
        yield Look("letter", self.house.other, self.letter)
        tested = self.cases["scheduled"]
        yield Look("test-court", self.house.farther, f"/hearings/{tested.id}/tests/{self.test}")
        yield Look(
            "test-person",
            self._back(tested.seat("heard")),
            f"/places/{tested.seat('heard').place}/tests/{self.test}",
        )
        yield Look("room-matters", self.house.judge, f"/hearings/{self.cases['on-record'].id}/room")
        alone = tested.seats[-1]
        yield Look("arrival-alone", self._back(alone), f"/places/{alone.place}")
        session = self.cases["examining"]
        for state in ("scheduled", "adjourned", "ended"):
            seat = self.cases[state].seat("heard")
            yield Look(f"arrival-{state}", self._back(seat), f"/places/{seat.place}")
        over = self.cases["ended"]
        for role, page in (("heard", "draft/requested"), ("authority", "")):
            seat = over.seat(role)
            name = f"record-{role}-ended"
            yield Look(name, self._back(seat), f"/places/{seat.place}/record{page and f'/{page}'}")
        for role in ("heard", "presiding"):
            seat = session.seat(role)
            yield Look(f"arrival-{role}", seat, f"/places/{seat.place}")
            yield Look(f"check-{role}", seat, f"/places/{seat.place}/check")
        for role in ("heard", "presiding", "interpreter", "authority", "lawyer"):
            seat = session.seat(role)
            yield Look(f"room-{role}", seat, f"/places/{seat.place}/room")


@asynccontextmanager
async def docket(folder: Path) -> AsyncIterator[Docket]:
    async with (
        House(folder / "data", port=free_port(), password=PASSWORD) as house,
        AsyncExitStack() as stack,
    ):
        cases = [await stack.enter_async_context(Case(house, matter)) for matter in DOCKET]
        await together(case.bring() for case in cases)
        standing = {case.matter.stands: case for case in cases}
        await house.clerk.post(f"/hearings/{standing['closed'].id}/listen/1")
        await _matters_come_up(standing["on-record"])
        reason = {"reason": "An appeal turns on what the witness said then."}
        await house.clerk.post(f"/hearings/{standing['closed'].id}/listen/2/unseal", reason)
        for stands, text in (
            ("examining", "rights-witness"),
            ("examining", "recording"),
            ("scheduled", "voluntary"),
        ):
            await put(house, standing[stands], text)
        await write_down(house, standing["examining"], "recording")
        tested = await arrange(house, standing["scheduled"])
        await split(house, standing["scheduled"])
        late = {"minutes": 15, "reason": "The hearing before is not over yet."}
        await house.coordinator.post(f"/hearings/{standing['open'].id}/schedule/delay", late)
        hired = {"role": "clerk", "authority": house.requesting}
        letter = await letters_in_trouble(house, standing["adjourned"])
        yield Docket(
            house,
            standing,
            house.visitor(),
            link=_path(await house.coordinator.post(_door_of_links(standing["scheduled"]))),
            invitation=_path(await house.administrator.post("/invitations", hired)),
            letter=letter,
            test=tested["test"],
            ticket=_path(tested),
            reply=await reply_of(house, standing["scheduled"].heard),
            offer=_path(await offer(house, standing["closed"])),
        )


async def _matters_come_up(case: Case) -> None:
    """The witness, the interpreter's listener and the authority each leave the court something to settle."""
    abroad = case.seat("heard")
    people = {"person": case.handles[LAWYER.name]}
    await abroad.act("room/claims", {"question": "From whom did you buy the birds?", "law": "requested"})
    await abroad.act("room/objections", people | {"words": "“Ring” was interpreted as “cage”."})
    await abroad.act(
        "room/interventions",
        {
            "ground": "The law here protects a source of an expert; the question asks for it.",
            "measure": "The question is put without the name.",
            "suspends": False,
        },
    )


async def letters_in_trouble(house: House, case: Case) -> str:
    """One letter arrives, one cannot be sent, one comes back; the page of the first."""
    letters = f"/hearings/{case.id}/letters"
    for name, email in (
        ("Interpreter Q", "interpreter@samplia.invalid"),
        ("Interpreter R", "dolmetscher@exämple.invalid"),
        ("Interpreter S", "interpreter-s@samplia.invalid"),
    ):
        person = {"name": name, "role": "interpreter", "language": "ar", "email": email}
        told = {"name": f"Desk of {name}", "side": "requested", "zone": "Asia/Tokyo", "people": [person]}
        made = await case.staff("people/places", told)
        await case.staff(f"people/places/{made['place']}/link")

    async def standing() -> dict[str, dict[str, Any]]:
        return {one["to"]: one for one in await house.other.get(letters)}

    async def sent() -> bool:
        return (await standing())["Interpreter S"]["state"] == "sent"

    async def returned() -> bool:
        told = await standing()
        return (told["Interpreter R"]["state"], told["Interpreter S"]["state"]) == ("failed", "returned")

    await eventually(sent)
    told = await standing()
    folder = house.data / "mail" / "returned" / "new"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "1").write_bytes(notification(f"<{told['Interpreter S']['letter']}@vivavoce.invalid>"))
    await eventually(returned)
    return f"{letters}/{told['Interpreter Q']['letter']}"


async def put(house: House, case: Case, text: str) -> None:
    """A text before the person heard."""
    asked = {"person": case.handles[case.heard], "text": text}
    await house.clerk.post(f"/hearings/{case.id}/declarations/ask", asked)


async def arrange(house: House, case: Case) -> dict[str, str]:
    """A technical test of the place of the person heard, whose room is open."""
    start = datetime.now(UTC) + timedelta(minutes=10)
    said = {"place": case.seat("heard").place, "wall": f"{start:%Y-%m-%dT%H:%M}", "zone": "UTC"}
    return dict(await house.farther.post(f"/hearings/{case.id}/tests", said))


async def split(house: House, case: Case) -> None:
    """The other side proposes that the expert is heard on the day after, in a sitting of their own."""
    (sitting,) = dict(await house.farther.get(f"/hearings/{case.id}/hearing"))["plan"]
    day_after = datetime.fromisoformat(sitting["instant"]) + timedelta(days=1)
    said = {
        "wall": f"{day_after:%Y-%m-%dT%H:%M}",
        "zone": "UTC",
        "minutes": 45,
        "people": [case.handles[EXPERT.name]],
        "reason": "The expert sits in another court on that day.",
    }
    await house.farther.post(f"/hearings/{case.id}/schedule/proposals", said)


async def reply_of(house: House, name: str) -> str:
    """The page to which the link in the invitation of `name` leads, as it lies in the outgoing folder."""

    def found() -> list[str]:
        letters = (
            message_from_bytes(one.read_bytes(), policy=default)
            for one in sorted((house.data / "mail").glob("*.eml"))
        )
        texts = (letter.get_body(("plain",)) for letter in letters if name in str(letter))
        return [
            link[0] for text in texts if text and (link := re.search(r"/reply/[\w-]+", text.get_content()))
        ]

    async def sent() -> bool:
        return bool(found())

    await eventually(sent)
    return found()[0]


async def offer(house: House, case: Case) -> dict[str, str]:
    """The record for somebody who has no such service: a link and a key."""
    said = {"recipient": "Court of Elsewhere", "language": "en", "version": "parties"}
    return dict(await house.clerk.post(f"/hearings/{case.id}/sending/offers", said))


async def write_down(house: House, case: Case, what: str) -> None:
    """A yes of the person heard, spoken before the clerk."""
    said = {"person": case.handles[case.heard], "what": what, "answer": "yes", "method": "spoken"}
    await house.clerk.post(f"/hearings/{case.id}/declarations/record", said)


def _door_of_links(case: Case) -> str:
    return f"/hearings/{case.id}/people/places/{case.seat('presiding').place}/link"


def _path(told: dict[str, str]) -> str:
    """Of a link that nobody has opened."""
    return urlsplit(told["link"]).path
