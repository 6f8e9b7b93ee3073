"""Every version of a closed record: the same seals, nothing protected in any byte, both halves together the whole."""

import hashlib
import io
import json
import re
import subprocess
import threading
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pyhanko.pdf_utils.generic import DictionaryObject, TextStringObject, pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from consent.checklist import Stage
from hearings import leaks, packing, redaction, tree, verify
from hearings.actors import Actor, Self
from hearings.container import CHUNK
from hearings.errors import NotAllowed, NotFound, NotYet, Refusal, Unreachable
from hearings.events import CustodyFetched
from hearings.journal import Entry
from hearings.minutes_pdf import draw_up
from hearings.people import NewPerson, NewPlace
from hearings.protection import Muting, Protections, Words
from hearings.redaction import BLANK, MAY_TAKE, Version
from hearings.roles import Capacity, Circumstance, Role, Side
from hearings.room import Words as Note
from hearings.states import State
from hearings.tables import Hearing
from hearings.terms import Traits, terms
from tests.conftest import FakeClock
from tests.hearings import records as r
from tests.hearings.people_of_law import Courthouse, Standing
from tests.hearings.shelf import Shelf
from tests.hearings.stood import stood
from tests.hearings.test_copies import Archive
from tests.hearings.test_minutes import minutes

PATIENCE = 60  # seconds
NAME = "Mariangela Rossicchia-Ünlütürk"
EMAIL = "mariangela.private@exampleton.invalid"
LANE = "Quiet Room, Hidden Lane 4"
SECRET = ("mariangela", "rossicchia", "unluturk", "hidden lane")
SAME = (
    "data/journal/checkpoint.txt",
    "data/journal/checkpoint.court.p7s",
    "data/journal/leaves.jsonl",
    "data/trust/log-key.json",
    "data/trust/log-key.court.p7s",
    "data/trust/certs/root.pem",
)


def told(house: Courthouse) -> Standing:
    """The witness is to be protected, and what others write mentions them in many ways."""
    found = house.requested_hearing(reference="ROSSICCHIA 12/2026", matter="State v. ROSSICCHIA-ÜNLÜTÜRK")
    found.accepted().scheduled()
    found.add("judge", Role.PRESIDING, Side.REQUESTING)
    person = NewPerson(
        name=NAME,
        role=Role.HEARD,
        capacity=Capacity.WITNESS,
        circumstances=frozenset({Circumstance.PROTECTED}),
        email=EMAIL,
    )
    new = NewPlace(name=LANE, side=Side.REQUESTED, zone="Europe/Lisbon", people=[person])
    place, people = house.people.seat(found.coordinator, new)
    house.people.redeem(house.people.issue(found.coordinator, place.id).rpartition("/")[2])
    found.actors["witness"] = Actor(found.id, (Self(people[0].handle, Role.HEARD, Side.REQUESTED),), place.id)
    found.add("authority", Role.AUTHORITY, Side.REQUESTED)
    found.opened().on_record().introduced()
    judge = found.actors["judge"]
    for text in (
        "The witness greeted everybody.",
        "Ms. rossicchia spoke of her brother.",
        unicodedata.normalize("NFD", "She signs as Ünlütürk."),
        "M A R I A N G E L A was asked to speak up.",
        "They live near the HIDDEN  LANE.",
        f"Write to {EMAIL.upper()}.",
    ):
        house.room.note(judge, Note(text=text))
    return found


def actor(shelf: Shelf, role: Role) -> Actor:
    """Somebody of this role, without an act so far."""
    return Actor(shelf.id, (Self("", role, Side.REQUESTING),), account=shelf.clerk.account, name="Somebody")


@pytest.fixture
async def shelf(journal, database, clock: FakeClock, tmp_path: Path) -> Shelf:
    archive = Archive(stood(told, journal, tmp_path), tmp_path / "recordings", clock)
    kept = Shelf(archive, database, tmp_path, clock)
    await archive.copies.work()
    kept.house.room.end(kept.standing.actors["judge"])
    kept.standing._settled(Stage.CLOSING, but=())
    kept.sign()
    kept.records.close(kept.actor())
    return kept


def package(shelf: Shelf, version: Version) -> bytes:
    with shelf.packages.made(shelf.id, version).stream as stream:
        return stream.read()


def accepted(shelf: Shelf, data: bytes, folder: Path) -> verify.Verdict:
    path = folder / "package.asice"
    path.write_bytes(data)
    return verify.verify(path, trust=shelf.packages.trust(), head=None, at=shelf.clock())


def files(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        return {name.partition("/")[2]: opened.read(name) for name in opened.namelist()}


def plain(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text).casefold()
    return " ".join(
        "".join(c if c.isalnum() else " " for c in folded if not unicodedata.combining(c)).split()
    )


def leaked(data: bytes, folder: Path) -> set[str]:
    """What a reader finds in a package, by other means than the service's own."""
    found = set[str]()
    for name, content in files(data).items():
        found |= _in_bytes(content) | _in_words(name)
        if name.endswith("disclosures.jsonl"):
            rows = (json.loads(line) for line in content.splitlines())
            found |= _in_words(str([tree.read_disclosure(one) for row in rows for one in row["d"]]))
        elif name.endswith(".pdf"):
            for text in printed(content, folder):
                found |= _in_words(text)
        elif name.endswith((".txt", ".json", ".jsonl", ".xml")):
            found |= _in_words(content.decode())
    return found


def _in_words(text: str) -> set[str]:
    found = plain(text)
    return {secret for secret in SECRET if secret in found}


def _in_bytes(data: bytes) -> set[str]:
    lowered = data.lower()
    codes = ("utf-8", "utf-16-be", "utf-16-le")
    spelled = {secret: (secret, secret.replace("u", "ü")) for secret in SECRET}
    return {
        secret
        for secret, forms in spelled.items()
        if any(form.encode(code) in lowered for form in forms for code in codes)
    }


def printed(pdf: bytes, folder: Path) -> Iterator[str]:
    """Of a PDF its pages, its metadata, and all of it unpacked, attachments included."""
    (folder / "in.pdf").write_bytes(pdf)
    for command in ("pdftotext in.pdf -", "pdfinfo -meta in.pdf", "pdfinfo in.pdf"):
        yield subprocess.run(command.split(), cwd=folder, capture_output=True, check=True).stdout.decode()
    subprocess.run(["qpdf", "--qdf", "--object-streams=disable", "in.pdf", "out.pdf"], cwd=folder, check=True)
    unpacked = (folder / "out.pdf").read_bytes()
    assert b"drawn_up_by" in unpacked, "the facts"
    for code in ("utf-8", "utf-16-be"):
        yield re.sub(r"[^\w\s<>/]+", " ", unpacked.decode(code, "ignore"))
    for digits in re.findall(rb"<FEFF([0-9A-F]+)>", unpacked, re.IGNORECASE):
        yield bytes.fromhex(digits.decode()).decode("utf-16-be", "ignore")


def test_every_version_verifies_under_the_same_seals_and_both_halves_are_the_whole(shelf, tmp_path):
    made = {version: package(shelf, version) for version in (Version.PUBLIC, *Version)}
    for version, data in made.items():
        verdict = accepted(shelf, data, tmp_path)
        assert verdict.accepted, (version, verdict.sentence)
    full, parties, public, annex = (files(made[version]) for version in Version)
    for path in SAME:
        assert full[path] == parties[path] == public[path] == annex[path], path
    payload = ("data/media/", "data/minutes/")
    both = {path for path in {*parties, *annex} if path.startswith(payload)}
    assert both == {path for path in full if path.startswith(payload)}
    assert not {path for path in parties if path.startswith(payload)} & set(annex)
    assert disclosed(parties) | disclosed(annex) == disclosed(full)
    assert {name for _, name in disclosed(parties) & disclosed(annex)} <= {
        "names",
        "logKey",
        "path",
        "sha256",
        "by",
    }
    assert NAME in annex["data/README.txt"].decode()
    assert shelf.archive.witness in annex["data/README.txt"].decode()


def disclosed(found: dict[str, bytes]) -> set[tuple[int, str]]:
    rows = (json.loads(line) for line in found["data/journal/disclosures.jsonl"].splitlines())
    return {(row["seq"], tree.read_disclosure(one)[0]) for row in rows for one in row["d"]}


def test_nothing_protected_is_in_any_byte(shelf, tmp_path):
    assert leaked(package(shelf, Version.FULL), tmp_path) == set(SECRET), "this finds what is there"
    for version in (Version.PARTIES, Version.PUBLIC):
        data = package(shelf, version)
        assert leaked(data, tmp_path) == set()
        assert "rossicchia" not in shelf.packages.file_name(shelf.actor(), version).lower()
        assert not [name for name in files(data) if name.startswith(f"data/media/{shelf.archive.witness}")]
    assert "rossicchia" not in shelf.packages.file_name(shelf.actor(), Version.ANNEX).lower()
    assert shelf.packages.file_name(shelf.actor(), Version.FULL) == "ROSSICCHIA-12-2026.asice"


def test_who_takes_which_version_and_the_journal_says_so(shelf):
    for role in set(Role) - {Role.SERVICE}:
        for version in Version:
            if role in MAY_TAKE[version]:
                continue
            with pytest.raises((NotFound, NotAllowed)):
                shelf.packages.sealed_package(actor(shelf, role), version)
    assert MAY_TAKE[Version.ANNEX] == MAY_TAKE[Version.FULL] == {Role.PRESIDING, Role.PANEL, Role.CLERK}
    assert Role.HEARD not in MAY_TAKE[Version.PUBLIC]
    shelf.packages.sealed_package(shelf.actor(), Version.PUBLIC).stream.close()
    taken = entries(shelf)[-1].event
    assert isinstance(taken, CustodyFetched)
    assert taken.kind == "public"
    assert str(taken.sentence(str)).endswith("took the sealed package along: the public version.")


def entries(shelf: Shelf) -> list[Entry]:
    with shelf.house.journal.reading() as tx:
        return list(shelf.house.journal.entries(tx, shelf.id))


def test_an_order_after_the_closing_makes_other_packages(shelf, tmp_path):
    """The judge is withheld, too: by name, by voice, and by the words of an entry."""
    before = files(package(shelf, Version.PUBLIC))
    protections, judge = Protections(shelf.house.acts), shelf.standing.actors["judge"]
    assert "Judge" in printed_text(before["data/minutes/requested.public.pdf"], tmp_path)
    n = next(
        one.seq
        for one in entries(shelf)
        if getattr(one.event, "text", "") == "The witness greeted everybody."
    )
    assert "greeted everybody" in printed_text(before["data/minutes/requested.public.pdf"], tmp_path)
    protections.blank(judge, Words(entry=n, member="text", ground="It names nobody.", public=True))
    protections.withhold(judge, Muting(track=f"{shelf.archive.judge}-audio", ground="It is heard there."))
    made = {version: package(shelf, version) for version in Version}
    for version, data in made.items():
        assert accepted(shelf, data, tmp_path).accepted, version
    public, parties = files(made[Version.PUBLIC]), files(made[Version.PARTIES])
    assert "data/minutes/requested.public.pdf" not in public
    assert "greeted everybody" not in printed_text(public["data/minutes/requested-2.public.pdf"], tmp_path)
    assert BLANK in printed_text(public["data/minutes/requested-2.public.pdf"], tmp_path)
    assert "greeted" in str(said_of(parties)), "the parties may read it"
    assert "greeted" not in str(said_of(public))
    assert not [name for name in parties if name.endswith((".pcapng", ".webm"))]
    assert leaked(made[Version.PUBLIC], tmp_path) | leaked(made[Version.PARTIES], tmp_path) == set()
    again = files(package(shelf, Version.PUBLIC))
    assert again == public, "made once"


def said_of(found: dict[str, bytes]) -> list[object]:
    rows = (json.loads(line) for line in found["data/journal/disclosures.jsonl"].splitlines())
    return [tree.read_disclosure(one)[1] for row in rows for one in row["d"]]


def printed_text(pdf: bytes, folder: Path) -> str:
    return next(printed(pdf, folder))


def test_what_slipped_through_is_not_handed_out(shelf, monkeypatch):
    """As if the rule had a fault: the search of what was made finds it, in whichever file."""
    package(shelf, Version.PARTIES)
    monkeypatch.setattr(redaction._Rule, "_of_the_words", lambda *_: None)
    for path in (shelf.data / "packages").glob("[!.]*"):
        path.unlink()
    with pytest.raises(Unreachable, match=r"found in disclosures\.jsonl, so it is not handed out"):
        package(shelf, Version.PARTIES)
    assert not list((shelf.data / "packages").glob("[!.]*"))


CLEAN = minutes(matter="State v. B")


@pytest.mark.parametrize(
    "pdf",
    [
        lambda: draw_up(minutes(matter="State v. rossicchia")),
        lambda: draw_up(CLEAN) + NAME.upper().encode(),
        lambda: hiding(draw_up(CLEAN), zlib.compress(b"{}" + NAME.encode("utf-16-be"))),
        lambda: hiding(draw_up(CLEAN), zlib.compress(json.dumps({"a": ["M A R I A N G E L A"]}).encode())),
        lambda: titled(draw_up(CLEAN), "Hidden Lane 4"),
    ],
    ids=["facts", "bytes", "a stream of nobody's", "an attachment of before", "a string"],
)
def test_minutes_that_tell_are_found(pdf):
    known = terms([Traits((NAME,), (LANE,), (EMAIL,))])
    path = "x/data/minutes/requested.public.pdf"
    assert leaks.found(io.BytesIO(r.zipped([(path, pdf())])), known) == path
    assert leaks.found(io.BytesIO(r.zipped([(path, draw_up(CLEAN))])), known) is None


def hiding(pdf: bytes, stream: bytes) -> bytes:
    """With an object that nothing refers to."""
    orphan = b"999 0 obj\n<</Length %d>>stream\n%b\nendstream\nendobj\n" % (len(stream), stream)
    before, mark, after = pdf.rpartition(b"startxref")
    return before + orphan + mark + after


def titled(pdf: bytes, title: str) -> bytes:
    """With another title, in a revision that has its objects packed."""
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    writer.set_info(writer.add_object(DictionaryObject({pdf_name("/Title"): TextStringObject(title)})))
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_a_recording_is_searched_across_its_parts():
    known = terms([Traits((NAME,))])
    whole = bytes(CHUNK - 7) + NAME.encode() + bytes(99)
    path = "x/data/media/aaaaaaaa-audio-1.pcapng"
    assert leaks.found(io.BytesIO(r.zipped([(path, whole)])), known) == path
    assert leaks.found(io.BytesIO(r.zipped([(path, bytes(CHUNK * 2))])), known) is None


def test_public_minutes_are_the_same_each_time(shelf):
    """Before they are sealed."""
    packages = shelf.packages
    with shelf.house.journal.reading() as tx:
        hearing = tx.get_one(Hearing, shelf.id)
        case = packages._case(tx, hearing, packages._minutes(tx, shelf.id))
        found = redaction.terms_of(case, Version.PUBLIC)
        one, other = (draw_up(packages._public_minutes(tx, hearing, case, found)) for _ in range(2))
    assert one == other


def test_a_reference_that_tells_of_somebody_stands_beside_no_version_that_does_not(shelf: Shelf):
    called = {version: shelf.packages.reference(shelf.id, version) for version in Version}
    assert called.pop(Version.FULL) == "ROSSICCHIA 12/2026"
    assert set(called.values()) == {str(shelf.id)}


def test_the_same_package_is_made_once_however_many_ask_at_once(shelf: Shelf, monkeypatch):
    written, at_once, write = list[object](), 4, packing.package.write
    gate = threading.Barrier(at_once)

    def counted(*arguments: Any, **more: Any) -> None:
        written.append(arguments)
        write(*arguments, **more)

    monkeypatch.setattr(packing.package, "write", counted)

    def ask() -> bytes:
        gate.wait(PATIENCE)
        return package(shelf, Version.FULL)

    with ThreadPoolExecutor(at_once) as threads:
        got = {one.result(PATIENCE) for one in [threads.submit(ask) for _ in range(at_once)]}
    assert len(got) == len(written) == 1


def test_whoever_cannot_wait_is_told_and_finds_it_later(shelf: Shelf, monkeypatch):
    go, write = threading.Event(), packing.package.write

    def slowly(*arguments: Any, **more: Any) -> None:
        assert go.wait(PATIENCE)
        write(*arguments, **more)

    monkeypatch.setattr(packing, "PATIENCE", 0.01)
    monkeypatch.setattr(packing.package, "write", slowly)
    for _ in range(2):
        with pytest.raises(NotYet, match="being made"):
            shelf.packages.sealed_package(actor(shelf, Role.PRESIDING))
    go.set()
    film = shelf.packages.made(shelf.id, "full", patience=None)
    with film.stream as stream:
        assert hashlib.sha256(stream.read()).hexdigest() == film.digest
    shelf.packages.sealed_package(actor(shelf, Role.PRESIDING)).stream.close()


def test_what_is_ordered_while_it_is_made_is_followed_by_what_is_handed_out(
    shelf: Shelf, tmp_path, monkeypatch
):
    n = next(
        one.seq
        for one in entries(shelf)
        if getattr(one.event, "text", "") == "The witness greeted everybody."
    )
    made, write = list[int](), packing.package.write
    judge, protections = shelf.standing.actors["judge"], Protections(shelf.house.acts)

    def ordered(*arguments: Any, **more: Any) -> None:
        made.append(len(arguments[1].leaves))
        write(*arguments, **more)
        if len(made) == 1:
            protections.blank(judge, Words(entry=n, member="text", ground="It names nobody.", public=False))

    monkeypatch.setattr(packing.package, "write", ordered)
    film = shelf.packages.sealed_package(actor(shelf, Role.PRESIDING), Version.PARTIES)
    with film.stream as stream:
        data = stream.read()
    assert "greeted" not in str(said_of(files(data)))
    assert accepted(shelf, data, tmp_path).accepted
    assert made[0] < made[1] == film.leaves
    assert len(made) == 2


def test_what_is_ordered_just_before_it_is_handed_out_is_followed_too(shelf: Shelf, monkeypatch):
    judge, protections = shelf.standing.actors["judge"], Protections(shelf.house.acts)
    opened, given = shelf.packages._opened, list[int]()

    def late(*arguments: Any) -> Any:
        film = opened(*arguments)
        given.append(film.leaves)
        if len(given) == 1:
            protections.withhold(judge, Muting(track=f"{shelf.archive.judge}-audio", ground="It is heard."))
        return film

    monkeypatch.setattr(shelf.packages, "_opened", late)
    film = shelf.packages.sealed_package(actor(shelf, Role.PRESIDING), Version.PARTIES)
    film.stream.close()
    assert given[0] < given[1] == film.leaves
    fetched = [one.event for one in entries(shelf) if isinstance(one.event, CustodyFetched)]
    assert [one.leaves for one in fetched] == [film.leaves]


def test_what_is_destroyed_just_before_its_package_has_a_name_leaves_none(shelf: Shelf, monkeypatch):
    finish = packing.LockedFile.finish

    def late(locked: packing.LockedFile) -> tuple[str, int]:
        with shelf.house.journal.transaction() as tx:
            tx.get_one(Hearing, shelf.id).state = State.DESTROYED
        return finish(locked)

    monkeypatch.setattr(packing.LockedFile, "finish", late)
    with pytest.raises(Refusal):
        shelf.packages.made(shelf.id, "full", patience=None)
    assert not list((shelf.data / "packages").glob("[!.]*"))
