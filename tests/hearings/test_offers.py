"""A package for somebody without the service: a link that ends, and a key that is told by another way."""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import select

from hearings.errors import AlreadyDone, NotAllowed, NotFound, NotNow, NotValid
from hearings.offers import ALPHABET, MOST_WRONG, Key, NewOffer, Offers, Told, new_key
from hearings.tables import Offer, Outbox
from tests import databases
from tests.conftest import FakeClock
from tests.hearings.people_of_law import written
from tests.hearings.two_courts import Known, TwoCourts

NEW = NewOffer(recipient="Court of Elsewhere", email="court@elsewhere.invalid", language="fr")


class Desk:
    """The offers of one court, with a closed hearing."""

    def __init__(self, two: TwoCourts) -> None:
        self.two = two
        self.offers = Offers(
            two.house.acts,
            two.house.key,
            two.house.post,
            written(),
            address="https://court.example",
            days=14,
            packages=two.a.packages,
        )

    def offer(self, asked: NewOffer = NEW) -> Told:
        return self.offers.offer(self.two.actor, asked)

    def state(self) -> str:
        return str(self.offers.listed(self.two.actor)[0]["state"])


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Known]:
    folder = tmp_path_factory.mktemp("built")
    database = databases.file(folder)
    two = TwoCourts(folder, database, FakeClock())
    two.package()
    two.close()
    database.close()
    return folder, two.known()


@pytest.fixture
def desk(built: tuple[Path, Known], tmp_path: Path, clock: FakeClock) -> Iterator[Desk]:
    shutil.copytree(built[0], tmp_path, dirs_exist_ok=True)
    two = TwoCourts(tmp_path, databases.reopened(tmp_path), clock, built[1])
    yield Desk(two)
    two.close()
    two.a.database.close()


def link(told: Told) -> str:
    return told.link.rpartition("/")[2]


def test_the_link_and_the_key_open_it_and_neither_alone(desk: Desk):
    told = desk.offer()
    assert told.link.startswith("https://court.example/collect/")
    assert desk.offers.behind(link(told), None).open_ is False
    assert desk.two.leaves() == ["offered"], "looking does nothing"
    with pytest.raises(NotNow, match="key first"):
        desk.offers.film(link(told), None)
    with pytest.raises(NotFound):
        desk.offers.open("another", told.key)
    browser = desk.offers.open(link(told), told.key)
    assert desk.two.leaves() == ["offered", "retrieved"]
    film, reference = desk.offers.film(link(told), browser)
    with film.stream as stream:
        assert stream.read() == desk.two.package()
    assert (reference, desk.state()) == ("12/2026", "fetched")
    with pytest.raises(NotNow):
        desk.offers.film(link(told), "another browser")
    desk.two.clock.pass_(hours=13)
    with pytest.raises(NotNow):
        desk.offers.film(link(told), browser)
    assert desk.offers.open(link(told), told.key) != browser, "the same key again, in another browser"
    assert desk.two.leaves() == ["offered", "retrieved", "retrieved"]


@pytest.mark.parametrize(
    "change", [str.lower, lambda key: key.replace("-", " "), lambda key: key.replace("-", "")]
)
def test_a_key_is_read_however_it_is_typed(desk: Desk, change):
    told = desk.offer()
    assert desk.offers.open(link(told), Key(key=change(told.key)).key)


def test_a_key_is_long_and_of_letters_that_are_not_mistaken():
    keys = {new_key() for _ in range(200)}
    assert len(keys) == 200
    assert all([len(part) for part in key.split("-")] == [4] * 5 for key in keys)
    assert not set("".join(keys)) & set("ILOU01")
    assert len(set(ALPHABET)) == len(ALPHABET) == 30


def test_ten_wrong_keys_close_it(desk: Desk):
    told = desk.offer()
    for n in range(MOST_WRONG - 1, 0, -1):
        with pytest.raises(NotValid, match="once more" if n == 1 else f"{n} times more"):
            desk.offers.open(link(told), new_key())
    with pytest.raises(NotNow, match="closed"):
        desk.offers.open(link(told), new_key())
    with pytest.raises(NotNow, match="closed"):
        desk.offers.open(link(told), told.key)
    assert desk.state() == "closed"


def test_it_ends_by_itself_and_can_be_withdrawn(desk: Desk):
    told, other = desk.offer(), desk.offer()
    browser = desk.offers.open(link(other), other.key)
    desk.offers.withdraw(desk.two.actor, other.offer)
    for verb in (
        lambda: desk.offers.open(link(other), other.key),
        lambda: desk.offers.film(link(other), browser),
    ):
        with pytest.raises(NotNow, match="withdrew"):
            verb()
    with pytest.raises(AlreadyDone):
        desk.offers.withdraw(desk.two.actor, other.offer)
    desk.two.clock.pass_(days=14)
    with pytest.raises(NotNow, match="time of this link is over"):
        desk.offers.open(link(told), told.key)
    assert desk.two.leaves() == ["offered", "offered", "retrieved", "withdrawn"]


def test_the_letter_holds_the_link_and_never_the_key(desk: Desk):
    told = desk.offer()
    desk.offer(NewOffer(recipient="By hand"))
    with desk.two.a.journal.reading() as tx:
        (letter,) = [row for row in tx.exec(select(Outbox)) if row.kind == "record"]
        offers = tx.exec(select(Offer)).all()
    content = desk.two.house.post._content("letter", letter.id, letter.sealed or b"")
    assert told.link in content.parts[0]
    assert told.key not in content.parts[0]
    shown = desk.two.house.post.shown(letter)
    assert shown is not None
    assert not any(told.link in part for part in shown.parts)
    assert letter.recipient == "court@elsewhere.invalid"
    secrets = (told.key, told.key.replace("-", ""), link(told))
    assert not any(one.encode() in bytes(row.key) + bytes(row.digest) for row in offers for one in secrets)


def test_what_is_offered_is_the_package_to_the_byte(desk: Desk):
    desk.offer()
    with desk.two.a.journal.reading() as tx:
        (row,) = tx.exec(select(Offer)).all()
    data = desk.two.package()
    assert (row.package, row.size) == (hashlib.sha256(data).hexdigest(), len(data))


def test_a_package_that_was_made_anew_is_not_what_was_offered(desk: Desk):
    told = desk.offer()
    for path in (desk.two.a.folder / "packages").glob("*.asice"):
        path.unlink()
    with pytest.raises(NotNow, match="made anew"):
        desk.offers.open(link(told), told.key)
    assert desk.two.leaves() == ["offered"]


def test_a_hearing_is_called_as_the_version_may_call_it(desk: Desk):
    desk.offers._called = lambda _, version: f"Number 7, {version}"
    told = desk.offer()
    with desk.two.a.journal.reading() as tx:
        (letter,) = [row for row in tx.exec(select(Outbox)) if row.kind == "record"]
    text = str(desk.two.house.post._content("letter", letter.id, letter.sealed or b""))
    assert "Number 7, full" in text
    assert "12/2026" not in text
    browser = desk.offers.open(link(told), told.key)
    assert desk.offers.behind(link(told), browser).reference == "Number 7, full"
    film, reference = desk.offers.film(link(told), browser)
    film.stream.close()
    assert reference == "Number 7, full"


def test_what_was_made_anew_after_the_receipt_is_not_given_for_it(desk: Desk):
    told = desk.offer()
    browser = desk.offers.open(link(told), told.key)
    made = desk.offers._made
    for change in ({"size": 1}, {"digest": "0" * 64}):
        desk.offers._made = lambda hearing, version, change=change: made(hearing, version)._replace(**change)
        with pytest.raises(NotNow, match="made anew"):
            desk.offers.film(link(told), browser)


def test_only_the_court_offers(desk: Desk):
    coordinator = desk.two.house.docket.of_staff(desk.two.house.coordinator, desk.two.hearing)
    with pytest.raises(NotAllowed):
        desk.offers.offer(coordinator, NEW)
    with pytest.raises(NotValid):
        desk.offers.offer(desk.two.actor, NewOffer(recipient="x", version="annex"))
