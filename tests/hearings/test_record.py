"""The two documents of the record: worded, read, explained, signed, each by who answers for it."""

import asyncio
import base64
import hashlib
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from frontend.papers import Papers
from hearings.actors import Actor
from hearings.database import Database
from hearings.errors import AlreadyDone, NotAllowed, NotFound, NotNow, NotReady, NotValid
from hearings.journal import Journal
from hearings.lacking import other_facts
from hearings.minutes import Happening
from hearings.record import (
    PATHS,
    CardSigning,
    Elsewhere,
    Explanation,
    NewWording,
    OwnReading,
    ReadOut,
    Signing,
)
from hearings.roles import Side
from hearings.room import Words
from hearings.sentences import LACKS, Sentence
from hearings.signed_pdf import read
from hearings.states import State
from hearings.tables import Authority
from hearings.verify import verify
from tests.conftest import FakeClock
from tests.hearings.people_of_law import Courthouse, Standing
from tests.hearings.shelf import Shelf
from tests.hearings.stood import stood
from tests.hearings.test_copies import Archive, clock_of, derive, recorded
from tests.hearings.test_outside import card, signed

DAY = timedelta(days=1)
MINUTES, OWN = Side.REQUESTED, Side.REQUESTING


class Desk(Shelf):
    """A hearing that has ended, and whose documents are to be drawn up."""

    def who(self, name: str) -> Actor:
        return self.actor() if name == "clerk" else self.standing.actors[name]

    @property
    def witness(self) -> str:
        return self.standing.actors["witness"].people[0].handle

    def course(self, whose: Side = MINUTES) -> dict[int, Happening]:
        draft = self.records.draft(self.who("judge"), whose)
        return {one.entry: one for one in draft.minutes.course if one.entry is not None}

    def entry(self, words: str, whose: Side = MINUTES) -> int:
        return next(n for n, one in self.course(whose).items() if words in one.sentence)

    def word(self, who: str, entry: int, words: str, whose: Side = MINUTES, language: str = "en") -> None:
        said = NewWording(whose=whose, entry=entry, language=language, words=words)
        self.records.reword(self.who(who), said)

    def text(self, whose: Side = MINUTES) -> str:
        return self.records.draft(self.who("judge"), whose).text

    def read(self, said: str, words: str | None = None, *, sha256: str = "") -> None:
        told = OwnReading(whose=MINUTES, language="en", said=said, words=words, sha256=sha256 or self.text())
        self.records.read(self.who("witness"), told)

    def lacking(self, whose: Side = MINUTES) -> list[str]:
        return [one.id for one in self.records.draft(self.who("judge"), whose).lacking]

    def explain(self, who: str = "authority", whose: Side = MINUTES) -> None:
        for one in self.lacking(whose):
            told = Explanation(whose=whose, requirement=one, reason="It was not to be had.")
            self.records.explain(self.who(who), told)

    def sign_as(self, who: str, whose: Side, *, sha256: str = "") -> None:
        digest = sha256 or self.records.draft(self.who("judge"), whose).digest
        self.records.sign(self.who(who), Signing(whose=whose, sha256=digest))


@pytest.fixture
def archive(journal: Journal, clock: FakeClock, tmp_path: Path) -> Archive:
    return Archive(stood(ended, journal, tmp_path), tmp_path / "recordings", clock, recorded=True)


@pytest.fixture
def desk(archive: Archive, database: Database, tmp_path: Path, clock: FakeClock) -> Desk:
    return Desk(archive, database, tmp_path, clock)


def ended(house: Courthouse) -> Standing:
    standing = recorded(house)
    archive = Archive(standing, house.folder / "recordings", clock_of(house), recorded=True)
    house.room.note(standing.actors["judge"], Words(text="She said 7 words: “I was there”."))
    derive(archive)
    house.room.end(standing.actors["judge"])
    return standing


# --- wording, never facts


@pytest.mark.parametrize(
    ("new", "faults"),
    [
        ("Witness A said so at 10:05, with 2 lawyers: “yes”", []),
        ("At 10:05 Witness A, beside 2 lawyers, gave the answer “yes”.", []),
        ("The witness said so at 10:05, with 2 lawyers: “yes”", ["“Witness A” is missing."]),
        (
            "Witness A and Judge B said so at 10:05, with 2 lawyers: “yes”",
            ["“Judge B” was not there before."],
        ),
        (
            "Witness A said so at 10:06, with 2 lawyers: “yes”",
            ["“10:05” is missing.", "“10:06” was not there before."],
        ),
        ("Witness A said so at 10:05, with two lawyers: “yes”", ["“2” is missing."]),
        (
            "Witness A said so at 10:05, with 2 lawyers: “no”",
            ["“yes” is missing.", "“no” was not there before."],
        ),
    ],
)
def test_names_figures_and_quotations_stay(new: str, faults: list[str]):
    old = "Witness A said so at 10:05, with 2 lawyers: “yes”"
    assert other_facts(old, new, ["Witness A", "Judge B"]) == faults


def test_digits_of_other_scripts_are_figures_too():
    assert other_facts("في ١٠:٠٥", "في ١٠:٠٦", []) == ["“١٠:٠٥” is missing.", "“١٠:٠٦” was not there before."]


async def test_the_clerk_of_a_side_words_its_own_document_and_what_stood_before_is_kept(desk: Desk):
    entry = desk.entry("noted")
    old = str(desk.course()[entry].sentence)
    name = desk.standing.story().named(desk.who("judge").people[0].handle)
    first, second = (
        f"{name} {verb}: She said 7 words: “I was there”." for verb in ("wrote down", "put down")
    )
    desk.word("authority", entry, first)
    desk.word("authority", entry, second)
    (told,) = desk.course()[entry].reworded
    assert (told.words, told.old) == (second, (old, first))
    assert str(desk.course()[entry].sentence) == old
    assert not desk.course(OWN)[entry].reworded
    desk.word("clerk", entry, first, OWN)
    assert [one.words for one in desk.course(OWN)[entry].reworded] == [first]
    for who, whose in (("clerk", MINUTES), ("authority", OWN), ("judge", MINUTES)):
        with pytest.raises(NotAllowed, match="its own document"):
            desk.word(who, entry, first.replace("wrote", "set"), whose)
    with pytest.raises(NotAllowed):
        desk.word("witness", entry, first)
    with pytest.raises(NotValid, match="names, figures and quotations stay") as refused:
        desk.word("authority", entry, second.replace("7", "8"))
    assert refused.value.hints == ("“7” is missing.", "“8” was not there before.")
    with pytest.raises(AlreadyDone):
        desk.word("authority", entry, second)
    with pytest.raises(NotFound, match="no such entry"):
        desk.word("authority", 9999, "x")
    with pytest.raises(NotFound, match="that language"):
        desk.word("authority", entry, first, language="ru")


# --- read, and answered


async def test_the_person_heard_reads_remarks_and_may_refuse(desk: Desk):
    assert f"read-{desk.witness}" in desk.lacking()
    shown = desk.text()
    desk.read("remark", "I said eight words.", sha256=shown)
    assert f"read-{desk.witness}" not in desk.lacking()
    desk.read("refused", sha256=shown)  # what somebody said of it does not change what is read
    told = desk.records.draft(desk.who("witness"), MINUTES).minutes.readings
    assert [(one.said, one.words) for one in told] == [("remark", "I said eight words."), ("refused", "")]
    entry = desk.entry("noted")
    desk.word("authority", entry, str(desk.course()[entry].sentence).replace("noted", "wrote"))
    assert f"read-{desk.witness}" in desk.lacking()
    with pytest.raises(NotNow, match="Read it again"):
        desk.read("right", sha256=shown)
    desk.read("right")
    assert f"read-{desk.witness}" not in desk.lacking()
    with pytest.raises(NotValid, match="Write the remark down"):
        desk.read("remark")


async def test_it_is_read_out_to_who_has_no_device_by_an_officer(desk: Desk):
    told = {
        "whose": MINUTES,
        "language": "ar",
        "said": "right",
        "sha256": desk.text(),
        "person": desk.witness,
    }
    desk.records.read_out(desk.who("authority"), ReadOut(**told))
    (reading,) = desk.records.draft(desk.who("judge"), MINUTES).minutes.readings
    assert reading.how.startswith("read out in Arabic by ")
    with pytest.raises(NotFound, match="no such interpreter"):
        desk.records.read_out(desk.who("authority"), ReadOut(**told, through=desk.witness))
    with pytest.raises(NotAllowed):
        desk.records.read_out(desk.who("witness"), ReadOut(**told))


async def test_the_minutes_are_for_who_took_part_and_the_courts_record_is_not(desk: Desk):
    assert desk.records.minutes(desk.who("witness"), MINUTES).data.startswith(b"%PDF")
    with pytest.raises(NotFound):
        desk.records.minutes(desk.who("witness"), OWN)
    with pytest.raises(NotFound):
        desk.records.draft(desk.who("witness"), OWN)


# --- lacking, and explained


async def test_what_is_demanded_and_lacking_is_named_and_can_be_explained(desk: Desk):
    assert "figures" in desk.lacking()
    with pytest.raises(NotReady, match="cannot be signed yet") as refused:
        desk.sign_as("authority", MINUTES)
    assert any("has not read this" in one for one in refused.value.hints)
    desk.explain()
    assert desk.lacking() == []
    omitted = desk.records.draft(desk.who("judge"), MINUTES).minutes.omissions
    assert {one.reason for one in omitted} == {"It was not to be had."}
    assert any("was measured" in one.words for one in omitted)
    assert all(isinstance(one.words, Sentence) and one.words.template in LACKS for one in omitted)
    told = Explanation(whose=MINUTES, requirement="figures", reason="x")
    with pytest.raises(NotFound, match="not missing"):
        desk.records.explain(desk.who("authority"), told)


# --- signed


async def test_each_is_signed_by_who_answers_for_it_and_the_gate_waits_for_both(desk: Desk):
    for who, whose in (("judge", MINUTES), ("authority", OWN)):
        desk.explain("authority" if whose is MINUTES else "judge", whose)
        with pytest.raises(NotAllowed):
            desk.sign_as(who, whose)
    with pytest.raises(NotReady) as refused:
        desk.records.close(desk.who("clerk"))
    assert sum("not signed" in one for one in refused.value.hints) == 2
    with pytest.raises(NotNow, match="has changed"):
        desk.sign_as("authority", MINUTES, sha256="0" * 64)
    desk.sign_as("authority", MINUTES)
    with pytest.raises(AlreadyDone):
        desk.sign_as("authority", MINUTES)
    entry = desk.entry("noted")
    changes: list[Callable[[], None]] = [
        lambda: desk.word("authority", entry, "x"),
        lambda: desk.read("right"),
        lambda: desk.records.explain(
            desk.who("authority"), Explanation(whose=MINUTES, requirement="figures", reason="x")
        ),
    ]
    for change in changes:
        with pytest.raises(AlreadyDone, match="nothing in it can be changed"):
            change()
    name = desk.standing.story().named(desk.who("judge").people[0].handle)
    desk.word("judge", entry, f"{name} wrote: She said 7 words: “I was there”.", OWN)
    desk.sign_as("judge", OWN)
    story = desk.standing.story()
    assert {path: story.minutes[path] for path in PATHS.values()} == story.minutes
    assert {whose: one.signed for whose, (_, one) in story.signed.items()} == {MINUTES: "here", OWN: "here"}
    desk.records.close(desk.who("clerk"))
    assert desk.standing.story().state is State.CLOSED


async def test_a_court_that_keeps_its_own_record_elsewhere_says_so(desk: Desk):
    desk.explain()
    desk.sign_as("authority", MINUTES)
    with pytest.raises(NotAllowed):
        desk.records.keep_elsewhere(desk.who("authority"), Elsewhere(reason="no"))
    desk.records.keep_elsewhere(desk.who("clerk"), Elsewhere(reason="In the court's own file, AB 12."))
    with pytest.raises(AlreadyDone):
        desk.records.keep_elsewhere(desk.who("clerk"), Elsewhere(reason="again"))
    desk.records.close(desk.who("clerk"))


async def test_a_signed_paper_is_kept_by_its_scan(desk: Desk):
    desk.explain()
    scan = {"name": "signed.pdf", "media_type": "application/pdf", "content": "JVBERg=="}
    digest = desk.records.draft(desk.who("judge"), MINUTES).digest
    desk.records.sign(desk.who("authority"), Signing(whose=MINUTES, sha256=digest, scan=scan))
    story = desk.standing.story()
    _, told = story.signed[MINUTES]
    assert told.signed == "paper"
    assert told.document in story.documents
    assert desk.store.get(told.document or "") == b"%PDF"


async def test_a_judge_signs_with_a_card_of_their_own_outside_of_the_service(desk: Desk, tmp_path: Path):
    desk.explain()
    authority, original = desk.who("authority"), desk.records.minutes(desk.who("authority"), MINUTES).data
    mine = card("Magistrate B", since=desk.clock() - DAY, until=desk.clock() + DAY)
    brought = await asyncio.to_thread(signed, original, mine, at=desk.clock())
    with pytest.raises(NotValid, match="no signature"):
        desk.records.sign_with_card(authority, carded(original))
    own = desk.records.minutes(desk.who("judge"), OWN).data
    other = await asyncio.to_thread(signed, own, mine, at=desk.clock())
    with pytest.raises(NotValid, match="not the file that was downloaded"):
        desk.records.sign_with_card(authority, carded(other))
    with pytest.raises(NotAllowed):
        desk.records.sign_with_card(desk.who("judge"), carded(brought))
    unchecked = desk.records.sign_with_card(authority, carded(brought))
    assert unchecked
    _, told = desk.standing.story().signed[MINUTES]
    assert (told.signed, told.card) == ("card", "Magistrate B")
    assert told.sha256 == hashlib.sha256(original).hexdigest()
    kept = desk.records.minutes(authority, MINUTES)
    assert kept.sealed
    assert kept.data.startswith(brought)
    assert [one.signed.signer.subject for one in read(kept.data)] == [
        mine.certificate.subject,
        desk.seal.certificate.subject,
    ]
    with pytest.raises(AlreadyDone):
        desk.records.sign_with_card(authority, carded(brought))
    desk.records.keep_elsewhere(desk.who("clerk"), Elsewhere(reason="In the court's own file."))
    desk.records.close(desk.who("clerk"))
    path = tmp_path / "record.asice"
    with desk.packages.sealed_package(desk.who("clerk")).stream as stream:
        path.write_bytes(stream.read())
    verdict = verify(path, trust=desk.packages.trust(), head=None, at=desk.clock())
    assert verdict.accepted, verdict.sentence


def carded(pdf: bytes) -> CardSigning:
    scan = {"name": "signed.pdf", "media_type": "application/pdf", "content": base64.b64encode(pdf).decode()}
    return CardSigning(whose=MINUTES, file=scan)


async def test_the_same_journal_makes_the_same_bytes_until_it_is_signed(desk: Desk, clock: FakeClock):
    first = desk.records.minutes(desk.who("judge"), MINUTES).data
    clock.pass_(seconds=3600)
    assert desk.records.minutes(desk.who("authority"), MINUTES).data == first
    desk.read("remark", "One word is missing.")
    assert desk.records.minutes(desk.who("judge"), MINUTES).data != first


async def test_what_was_written_while_it_was_sealed_is_not_signed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    """The witness remarks on it while the paper is drawn and the seal is put: failed, and nothing done."""
    desk.explain()
    sealed = desk.records._sealed

    def slow(pdf: bytes, reason: str) -> bytes:
        desk.read("remark", "Wait.")
        return sealed(pdf, reason)

    monkeypatch.setattr(desk.records, "_sealed", slow)
    with pytest.raises(NotNow, match="has changed"):
        desk.sign_as("authority", MINUTES)
    story = desk.standing.story()
    assert (story.minutes, story.signed) == ({}, {})


# --- the languages of the two authorities


def test_a_document_is_in_the_languages_of_the_two_authorities(desk: Desk):
    """Every sentence of a real hearing is in both; a wording is bettered in one of them."""
    papers, untold = Papers(), set[str]()

    def wording(language: str, template: str) -> str | None:
        told = papers(language, template)
        if told is None:
            untold.add(template)
        return told

    desk.records._worded = wording
    with desk.house.journal.transaction() as tx:
        for id_, language in ((desk.house.requesting, "fr"), (desk.house.requested, "es-ES")):
            tx.get_one(Authority, id_).language = language
    draft = desk.records.draft(desk.who("judge"), MINUTES)
    assert draft.languages == ("es", "fr")
    (noted,) = [one for one in desk.records.course(draft) if "7 words" in one.words["fr"]]
    assert noted.words["es"].endswith("hizo constar: She said 7 words: “I was there”.")
    desk.word("authority", noted.entry, f"{noted.words['es']} Sin más.", language="es")
    paper = desk.records.page(desk.records.draft(desk.who("judge"), MINUTES), ("es",))
    assert "Sin más." in str(paper)
    assert "Redacción modificada por" in str(paper)
    pdf = desk.records.minutes(desk.who("judge"), MINUTES).data
    text = subprocess.run(["pdftotext", "-", "-"], input=pdf, capture_output=True, check=True).stdout.decode()
    for words in ("Acta de la audiencia por videoconferencia", "Procès-verbal d’audition", "Sin más."):
        assert words in text
    assert untold == set()
