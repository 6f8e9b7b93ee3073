"""Keeping and destroying: whose rule counts, what holds it, and that nothing is left but the certificate."""

import base64
import hashlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import SQLModel, select

from hearings import keeping, tree, verify
from hearings.database import Database
from hearings.errors import Destroyed, NotAllowed, NotFound, NotNow, NotReady, NotValid
from hearings.feeds import Feeds
from hearings.journal import Journal
from hearings.keeping import Destruction, Keeping, Reason, later, obstacles, terms
from hearings.servicekey import ServiceKey
from hearings.states import State
from hearings.story import Story
from hearings.tables import (
    Appointment,
    Checkpoint,
    Document,
    Feed,
    Hearing,
    Outbox,
    Place,
    RecordingKey,
    Ticket,
)
from hearings.tree import Tree, leaf_hash, read_checkpoint
from hearings.views import load
from media import control
from media.locked import HEAD
from tests import databases
from tests.conftest import FakeClock
from tests.hearings.people_of_law import Courthouse, Standing, written
from tests.hearings.shelf import Shelf, authority
from tests.hearings.stood import stood
from tests.hearings.test_copies import Archive, clock_of, derived

CLOSED = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
REASON = Reason(reason="An appeal is pending.")


# --- the rules of both States


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 11, 23), 120, date(2036, 11, 23)),
        (date(2026, 11, 23), 1, date(2026, 12, 23)),
        (date(2026, 11, 23), 2, date(2027, 1, 23)),
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
        (date(2028, 2, 29), 48, date(2032, 2, 29)),
        (date(2026, 12, 31), 6, date(2027, 6, 30)),
    ],
)
def test_months_are_counted_as_a_court_counts_them(day, months, expected):
    assert later(day, months) == expected


def test_the_longer_hold_wins():
    told = terms(CLOSED, CLOSED, [authority(12), authority(120, state="PT")])
    assert told.until == date(2036, 11, 23)
    assert told.longest is not None
    assert told.longest.authority == "Court of PT"
    assert not told.over
    assert told.conflict is None


def test_it_is_over_on_the_day_after_on_both_clocks():
    both = [authority(1, zone="Pacific/Auckland"), authority(1, state="CL", zone="America/Santiago")]
    assert terms(CLOSED, CLOSED, both).until == date(2026, 12, 23)
    for now, over in (
        (datetime(2026, 12, 23, 12, 0, tzinfo=UTC), False),  # the 24th in Auckland alone
        (datetime(2026, 12, 24, 2, 0, tzinfo=UTC), False),  # 23:00 in Santiago
        (datetime(2026, 12, 24, 3, 0, tzinfo=UTC), True),
    ):
        assert terms(CLOSED, now, both).over is over, now


@pytest.mark.parametrize("stated", [[None, None], [12, None], [None, 12]])
def test_without_the_rules_of_both_it_is_kept(stated):
    both = [authority(months, state=state) for months, state in zip(stated, ("NL", "PT"), strict=True)]
    told = terms(CLOSED, CLOSED + timedelta(days=99_999), both)
    assert (told.until, told.over) == (None, False)
    assert len(obstacles(told, Story())) == stated.count(None)
    assert "has not said how long" in obstacles(told, Story())[0]


def test_a_conflict_names_both_sources():
    told = terms(CLOSED, CLOSED, [authority(12, 24), authority(120, state="PT")])
    assert told.conflict is not None
    early, long = told.conflict
    assert (early.latest, long.until) == (date(2028, 11, 23), date(2036, 11, 23))
    sentence = keeping._conflict(told)
    assert sentence == (
        "Court of NL wants it gone by 23 November 2028 (Invented Act of NL, "
        "Article 1); Court of PT keeps it until 23 November 2036 (Invented Act of PT, Article 1)."
    )


def test_rules_that_can_both_be_met_are_no_conflict():
    assert terms(CLOSED, CLOSED, [authority(12, 24), authority(18, state="PT")]).conflict is None
    assert terms(CLOSED, CLOSED, [authority(12, 24), authority(24, state="PT")]).conflict is not None


def test_before_the_file_is_closed_nothing_is_counted():
    told = terms(None, CLOSED, [authority(12), authority(12, state="PT")])
    assert (told.until, told.over, told.conflict) == (None, False, None)


MONTHS = st.integers(1, 2400)
INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
ZONES = st.sampled_from(["UTC", "Europe/Lisbon", "America/Santiago", "Pacific/Auckland", "Asia/Kolkata"])
AUTHORITIES = st.builds(
    lambda keeps, more, zone: authority(keeps, keeps + more if more else None, zone=zone),
    MONTHS,
    st.none() | MONTHS,
    ZONES,
)


@given(INSTANTS, AUTHORITIES, AUTHORITIES, st.timedeltas(timedelta(0), timedelta(days=30_000)))
def test_no_rule_is_cut_short_and_no_conflict_is_hidden(closed, one, other, passed):
    other.state = "PT"
    told = terms(closed, closed + passed, [one, other])
    assert told.until == max(rule.until for rule in told.rules)
    if told.over:
        assert all(terms(closed, closed + passed, [each]).over for each in (one, other))
    possible = all(rule.latest is None or rule.latest > told.until for rule in told.rules)
    assert (told.conflict is None) is possible
    assert terms(closed, closed + passed, [other, one]).until == told.until


@given(INSTANTS, AUTHORITIES, MONTHS)
def test_a_longer_rule_never_ends_earlier(closed, one, more):
    before = terms(closed, closed, [one]).until
    one.keeps = (one.keeps or 0) + more
    assert terms(closed, closed, [one]).until > before


# --- a hearing that was closed


@pytest.fixture
def shelf(journal: Journal, database: Database, tmp_path: Path, clock: FakeClock) -> Shelf:
    standing = stood(closed, journal, tmp_path)
    archive = Archive(standing, tmp_path / "recordings", clock, recorded=True)
    return Shelf(archive, database, tmp_path, clock, again=True)


def closed(house: Courthouse) -> Standing:
    standing, clock = derived(house), clock_of(house)
    archive = Archive(standing, house.folder / "recordings", clock, recorded=True)
    Shelf(archive, house.journal._database, house.folder, clock).ended_and_signed()
    return standing


def test_the_page_says_until_when_and_by_whose_rule(shelf):
    assert shelf.view()["until"] is None
    shelf.rules((12, None), (120, None))
    told = shelf.view()
    assert (told["until"], told["by"]) == ("2036-11-23", "Prosecution Office of Samplia")
    assert [rule["until"] for rule in told["rules"]] == ["2027-11-23", "2036-11-23"]
    assert told["due"] is False
    assert shelf.years(11).view()["due"] is True


def test_nothing_is_destroyed_before_its_time(shelf):
    for stated in (None, ((12, None), (120, None))):
        if stated:
            shelf.rules(*stated)
        with pytest.raises(NotReady) as refused:
            shelf.destroy()
        assert refused.value.hints
    assert shelf.leaves()[0].disclosures
    shelf.years(9)
    with pytest.raises(NotReady, match="cannot be destroyed yet"):
        shelf.destroy()


def test_a_hold_stands_until_its_own_side_lifts_it(shelf):
    shelf.rules((12, None), (12, None)).years(2)
    abroad = shelf.hire("judge", shelf.house.requested)
    shelf.keeping.hold(shelf.actor(abroad), REASON)
    shelf.keeping.hold(shelf.actor(), Reason(reason="The expert was asked to explain."))
    first, second = shelf.view()["holds"]
    assert (first["by"], first["yours"], second["yours"]) == ("Judge", False, True)
    with pytest.raises(NotReady) as held:
        shelf.destroy()
    assert [str(hint) for hint in held.value.hints] == [
        "Judge laid a hold: An appeal is pending.",
        "Clerk laid a hold: The expert was asked to explain.",
    ]
    with pytest.raises(NotAllowed, match="side that laid it"):
        shelf.keeping.lift(shelf.actor(), first["n"], REASON)
    shelf.keeping.lift(shelf.actor(), second["n"], REASON)
    with pytest.raises(NotFound):
        shelf.keeping.lift(shelf.actor(), second["n"], REASON)
    with pytest.raises(NotReady):
        shelf.destroy()
    shelf.keeping.lift(shelf.actor(abroad), first["n"], Reason(reason="The appeal is over."))
    assert shelf.view()["due"]
    shelf.destroy()


def test_who_may_not_destroy_is_told_whose_it_is(shelf):
    shelf.rules((12, None), (12, None)).years(2)
    abroad = shelf.hire("judge", shelf.house.requested)
    for staff in (abroad, shelf.house.coordinator):
        with pytest.raises(NotAllowed, match="that is for the presiding judge or prosecutor or clerk"):
            shelf.keeping.destroy(shelf.actor(staff), Destruction(reference="12/2026"))
    with pytest.raises(NotAllowed):
        shelf.keeping.hold(shelf.actor(shelf.house.coordinator), REASON)


def test_the_reference_is_typed_once_more(shelf):
    shelf.rules((12, None), (12, None)).years(2)
    with pytest.raises(NotValid) as refused:
        shelf.destroy("13/2026")
    assert refused.value.field == "reference"
    assert shelf.leaves()[-1].type == "hearing.closed"


def test_a_conflict_is_decided_in_words(shelf):
    shelf.rules((12, 24), (120, None)).years(11)
    assert "keeps it until" in shelf.view()["conflict"]
    with pytest.raises(NotValid) as refused:
        shelf.destroy()
    assert refused.value.field == "decision"
    shelf.destroy(decision="The two authorities agreed on the longer time.")
    told = shelf.keeping.certificate(shelf.clerk, shelf.id)
    assert told["decision"] == "The two authorities agreed on the longer time."


# --- destroyed


def taken_along(shelf: Shelf) -> bytes:
    with shelf.packages.sealed_package(shelf.actor()).stream as stream:
        return stream.read()


def test_a_package_lies_locked_and_is_made_again_if_it_cannot_be_opened(shelf):
    package = taken_along(shelf)
    assert package.startswith(b"PK")
    (path,) = (shelf.data / "packages").glob("[!.]*")
    for clear in (b"mimetype", b"vnd.etsi.asic", b"manifest-sha256"):
        assert clear in package
        assert clear not in path.read_bytes()
    assert taken_along(shelf) == package, "what was made once is given again"
    path.write_bytes(package)  # as an earlier version left it
    assert taken_along(shelf).startswith(b"PK")
    assert b"mimetype" not in path.read_bytes()


def test_what_a_killed_service_left_in_the_clear_is_swept(shelf):
    taken_along(shelf)
    left = shelf.data / "packages" / f"{shelf.id}-aaaaaaaa.clear"
    left.write_bytes(b"PK")
    shelf.packages.sweep()
    assert not left.exists()


def tried(shelf: Shelf) -> None:
    """A technical test of a place, with its link."""
    start = shelf.house.journal.clock()
    with shelf.house.journal.transaction() as tx:
        place = tx.exec(select(Place).where(Place.hearing_id == shelf.id)).first()
        test = Appointment(
            id=uuid4(),
            hearing_id=shelf.id,
            place_id=place.id,
            start=start,
            wall=f"{start:%Y-%m-%dT%H:%M}",
            zone="UTC",
            minutes=20,
            created=start,
            by="aaaaaaaa",
        )
        tx.add(test)
        tx.flush()
        tx.add(Ticket(digest=b"x", appointment_id=test.id, place_id=place.id, issued=start))


@pytest.fixture
def destroyed(shelf: Shelf) -> Shelf:
    tried(shelf)
    shelf.rules((12, None), (120, None)).years(11).destroy()
    return shelf


def test_the_certificate_says_what_was_done(shelf):
    with shelf.house.journal.reading() as tx:
        public = tx.get_one(RecordingKey, (shelf.id, False)).public
    taken_along(shelf)
    shelf.rules((12, None), (120, None)).years(11)
    files = [path for path in (shelf.data / "recordings").rglob("*") if path.is_file()]
    shelf.destroy()
    told = shelf.keeping.certificate(shelf.clerk, shelf.id)
    assert told["keys"] == [hashlib.sha256(public).hexdigest()]
    assert told["files"] == len(files) + 4, "a package, the minutes, the record of the court, the letter"
    assert told["kept"] == "2036-11-23"
    assert told["closed"].startswith("2026-11-23T")
    assert [rule["source"] for rule in told["rules"]] == [
        "Invented Act of NL, Article 1",
        "Invented Act of PT, Article 1",
    ]
    assert (told["name"], told["function"]) == ("Clerk", "clerk")
    assert (told["reference"], told["requested"]) == ("12/2026", "Prosecution Office of Samplia")


def test_the_bare_journal_still_verifies(shelf):
    before = [leaf.data for leaf in shelf.leaves()]
    shelf.rules((12, None), (120, None)).years(11).destroy()
    leaves = shelf.leaves()
    assert [leaf.data for leaf in leaves[: len(before)]] == before
    assert [leaf.type for leaf in leaves if leaf.disclosures] == ["hearing.opened", "custody.destroyed"]
    assert leaves[-1].type == "custody.destroyed"
    whole = Tree(leaf_hash(leaf.data) for leaf in leaves)
    with shelf.house.journal.reading() as tx:
        vkey = tx.get_one(Hearing, shelf.id).log_vkey
        heads = tx.exec(select(Checkpoint).where(Checkpoint.hearing_id == shelf.id)).all()
    for row in heads:
        head = read_checkpoint(row.note)
        assert tree.signed_by(head, vkey)
        assert head.root == Tree(leaf_hash(leaf.data) for leaf in leaves[: row.size]).root()
    assert max(row.size for row in heads) == whole.size == len(leaves)


def test_a_package_that_was_taken_along_still_verifies(shelf, tmp_path_factory):
    kept = tmp_path_factory.mktemp("elsewhere") / "kept.asice"
    kept.write_bytes(taken_along(shelf))
    shelf.rules((12, None), (120, None)).years(5)
    trust = shelf.packages.trust()
    shelf.years(6).destroy()
    verdict = verify.verify(kept, trust=trust, head=None, at=shelf.clock())
    assert verdict.accepted, verdict


PERSONAL = (b"Witness", b"Matter of Exampleton", b"To hear a witness", b"Place of judge", b"%PDF-1.4 letter")


def test_nothing_personal_is_left_on_disk(shelf):
    held = {name: data for name, data in shelf.bytes_on_disk().items() if name.startswith("documents/")}
    assert held
    words = [word for word in PERSONAL if any(word in data for data in shelf.bytes_on_disk().values())]
    assert len(words) > 3
    disclosed = [one.encode() for leaf in shelf.leaves()[1:] for one in leaf.disclosures]
    taken_along(shelf)
    with shelf.house.journal.reading() as tx:
        secret = tx.get_one(RecordingKey, (shelf.id, False)).secret
    assert any(secret in data for data in shelf.bytes_on_disk().values())
    shelf.rules((12, None), (120, None)).years(11).destroy()
    left = shelf.bytes_on_disk()
    assert not [name for name in left if name.startswith(("recordings/", "packages/", "documents/"))]
    for name, data in left.items():
        assert [word for word in (*words, secret, *disclosed) if word in data] == [], name


def test_nothing_is_anchored_any_more(destroyed):
    leaves = destroyed.leaves()
    destroyed.house.recording.anchor(destroyed.id)
    assert len(destroyed.leaves()) == len(leaves)


def test_no_row_tells_of_it_in_any_table(destroyed):
    with destroyed.house.journal.reading() as tx:
        for table in SQLModel.metadata.sorted_tables:
            if "hearing_id" in table.c:
                rows = tx.exec(select(table).where(table.c.hearing_id == destroyed.id)).all()
                assert bool(rows) is (table.name in {"journalleaf", "checkpoint"}), table.name
        for name in ("link", "login", "ticket"):
            table = SQLModel.metadata.tables[name]
            assert not tx.exec(select(table).where(table.c.place_id.is_not(None))).all()
        row = tx.get_one(Hearing, destroyed.id)
    assert (row.state, row.matter, row.purpose, row.start) == (State.DESTROYED, "", "", None)


def test_every_step_and_every_reader_answers_with_the_one_sentence(shelf, clock):
    actor, witness = shelf.actor(), shelf.standing.actors["witness"]
    shelf.rules((12, None), (120, None)).years(11).destroy()
    with pytest.raises(Destroyed, match="Only the certificate of that is left"):
        shelf.actor()
    with shelf.house.journal.reading() as tx:
        for read in (
            lambda: load(tx, shelf.house.journal, shelf.house.known, shelf.id),
            lambda: shelf.house.journal.entries(tx, shelf.id),
        ):
            with pytest.raises(Destroyed):
                read()
    for late in (
        lambda: shelf.keeping.destroy(actor, Destruction(reference="12/2026")),
        lambda: shelf.keeping.hold(actor, REASON),
        lambda: shelf.packages.sealed_package(actor),
    ):
        with pytest.raises((NotNow, NotAllowed)):
            late()
    shelf.standing.report(control.RecorderFailed(reason="x", at=shelf.standing.millis()))
    assert shelf.leaves()[-1].type == "custody.destroyed"
    assert witness.place is not None
    with pytest.raises(NotFound):
        shelf.keeping.certificate(shelf.hire("clerk", stranger(shelf), "elsewhere"), shelf.id)


def stranger(shelf: Shelf):
    row = authority(state="FR")
    with shelf.house.journal.transaction() as tx:
        tx.add(row)
    return row.id


def test_another_hearing_keeps_the_document_that_both_have(shelf):
    other = shelf.house.requested_hearing(reference="13/2026")
    shelf.rules((12, None), (120, None)).years(11).destroy()
    with shelf.house.journal.reading() as tx:
        row = tx.exec(select(Document)).one()
    assert row.hearing_id == other.id
    assert shelf.store.get(row.sha256)


def test_letters_in_the_mail_folder_go_too(shelf):
    shelf.house.post.deliver(shelf.house.journal.transaction, shelf.letters)
    other = shelf.house.requested_hearing(reference="13/2026")
    shelf.house.post.deliver(shelf.house.journal.transaction, shelf.letters)
    before = len(list((shelf.data / "mail").glob("*.eml")))
    shelf.rules((12, None), (120, None)).years(11).destroy()
    assert 0 < len(list((shelf.data / "mail").glob("*.eml"))) < before
    assert other.story().people


def test_of_letters_and_calendars_nothing_is_left_even_while_a_folder_cannot_be_written(shelf, monkeypatch):
    witness = shelf.standing.actors["witness"]
    token = Feeds(shelf.house.journal, shelf.house.key, written()).make(witness)
    with shelf.house.journal.transaction() as tx:
        shelf.house.post.queue(
            tx, shelf.id, to="w@samplia.invalid", subject="Witness", text="x", about="heard"
        )

    def refused(*_given: object) -> None:
        raise PermissionError("not now")

    monkeypatch.setattr("hearings.keeping.MailFolder.withdraw", refused)
    shelf.rules((12, None), (120, None)).years(11).destroy()
    with shelf.house.journal.reading() as tx:
        letters = tx.exec(select(Outbox).where(Outbox.hearing_id == shelf.id)).all()
        assert not tx.exec(select(Feed)).all()
    told = {(one.recipient, one.subject, one.about, one.sealed, one.shown, one.said) for one in letters}
    assert told == {("", "", "", None, None, None)}
    assert {one.failed for one in letters} == {"destroyed"}
    with pytest.raises(NotFound):
        Feeds(shelf.house.journal, shelf.house.key, written()).file(token, "")


@pytest.mark.parametrize("at", ["head", "recordings", "documents", "settling"])
def test_whoever_is_killed_in_between_finishes_at_the_next_start(shelf, database, monkeypatch, at):
    taken_along(shelf)
    shelf.rules((12, None), (120, None)).years(11)

    class Killed(BaseException):
        pass

    def killed(*_given: object) -> None:
        raise Killed

    where = {
        "head": ("hearings.journal.Journal.checkpoint", killed),
        "recordings": ("hearings.keeping.Storage.clear", killed),
        "documents": ("hearings.keeping.Store.remove", killed),
        "settling": ("hearings.keeping.Database.settle", killed),
    }[at]
    monkeypatch.setattr(*where)
    with pytest.raises(Killed):
        shelf.destroy()
    monkeypatch.undo()
    with shelf.house.journal.reading() as tx:
        assert tx.get(RecordingKey, (shelf.id, False)) is None, "the keys went with the commit"
    again = Keeping(shelf.house.acts, database, shelf.store, shelf.letters, shelf.data / "recordings")
    for _ in range(2):
        again.finish()
        left = shelf.bytes_on_disk()
        assert not [name for name in left if name.startswith(("recordings/", "packages/", "documents/"))]
        assert not any(b"Witness" in data for data in left.values())
    with shelf.house.journal.reading() as tx:
        assert tx.get(Checkpoint, (shelf.id, len(shelf.leaves()))), "the certificate is under a signed head"


def test_what_cannot_be_removed_now_is_removed_later(shelf, monkeypatch, caplog):
    shelf.rules((12, None), (120, None)).years(11)

    def refused(*_given: object) -> None:
        raise PermissionError("not now")

    monkeypatch.setattr("hearings.keeping.Storage.clear", refused)
    shelf.destroy()
    assert "could not be removed yet" in caplog.text
    assert shelf.keeping.certificate(shelf.clerk, shelf.id)
    monkeypatch.undo()
    shelf.keeping.finish()
    assert not (shelf.data / "recordings" / str(shelf.id)).exists()


# --- what a backup holds


async def test_no_secret_lies_in_the_clear_outside_of_the_service_key(
    journal, clock, database, tmp_path, monkeypatch
):
    """The secret halves of recordings, the key of the log, letters, and the content keys that lie in the files."""
    secrets: list[bytes] = []
    wrap = ServiceKey.wrap

    def watched(key: ServiceKey, secret: bytes, purpose: str) -> bytes:
        secrets.append(secret)
        return wrap(key, secret, purpose)

    monkeypatch.setattr(ServiceKey, "wrap", watched)
    standing = Courthouse(journal, tmp_path).requested_hearing().accepted().scheduled().seated().opened()
    archive = Archive(standing.on_record(), tmp_path / "recordings", clock)
    shelf = await Shelf(archive, database, tmp_path, clock).close()
    with journal.reading() as tx:
        unwrap = archive.keys.opener(tx, shelf.id)
    locked = [path for path in archive.folder.iterdir() if path.suffix in {".pcapng", ".webm"}]
    content = {unwrap(path.read_bytes()[:HEAD]) for path in locked}
    assert len(content) > 1, "of the recorder, and of whatever derived the copies"
    on_disk = shelf.bytes_on_disk()
    assert ({databases.DUMP} if databases.ON_POSTGRESQL else {"test.db", "test.db-wal"}) <= set(on_disk)
    assert len([name for name in on_disk if name.startswith("recordings/")]) > len(locked)
    for secret in (*secrets, *content, (tmp_path / "service.key").read_bytes()):
        for form in (secret, secret.hex().encode(), base64.b64encode(secret)):
            assert [name for name, data in on_disk.items() if form in data] == []
