"""The verifier on sealed, stamped and archived minutes, and on timestamps that are stripped, foreign, moved or back-dated.

Whoever attacks here holds even the keys of the journal and the container: each file is sealed by a leaf anew, so that only
the check of the minutes can tell.
"""

import hashlib
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import cms
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.validation.dss import DocumentSecurityStore

from frontend.outward import Outward
from hearings import package, pades, seals
from hearings.timestamps import Stamps
from hearings.verify import Outcome, Verdict, verify
from tests.hearings import records as r
from tests.hearings.test_outside import card, signed
from tests.hearings.test_pades import filled, turned
from tests.hearings.time_authority import TimeAuthority, serving

SEALED = r.at(20_000)
PATH = "data/minutes/requested.pdf"


class Other(Stamps):
    """Whose timestamps are over something else."""

    def over(self, sha256: bytes) -> bytes:
        return super().over(hashlib.sha256(b"other" + sha256).digest())


@dataclass
class Bench:
    """A court, its own authority for timestamps, and a foreign one."""

    ours: TimeAuthority
    foreign: TimeAuthority
    stamps: Stamps
    stranger: Stamps
    folder: Path

    @property
    def seal(self) -> seals.CourtSeal:
        return r.court()

    def timed(self, stamps: Stamps | None = None, pdf: bytes | None = None, **more: Any) -> bytes:
        made = pades.seal_pdf(
            pdf or r.plain_pdf(), self.seal, reason="Minutes", at=SEALED, stamps=stamps or self.stamps, **more
        )
        assert made.lacking is None
        return made.data

    def archived(self, pdf: bytes | None = None) -> bytes:
        made = pades.archive_pdf(pdf or self.timed(), self.seal, at=SEALED, stamps=self.stamps)
        assert made.lacking is None
        return made.data

    def stamped(self, pdf: bytes, stamps: Stamps | None = None) -> bytes:
        """With a document timestamp and nothing else."""
        return pades._archived(pdf, [], [], pades._Stamper(stamps or self.stamps))

    def verified(self, pdf: bytes, *, roots: bool | None = True, **more: Any) -> Verdict:
        """`roots`: whether the trust file lists ours; None for no trust file."""
        record = r.draft()
        record.files[PATH] = pdf
        record.find("minutes.sealed").members["sha256"] = hashlib.sha256(pdf).hexdigest()
        record.late = lambda contents: replace(contents, **more)
        return self.judged(r.sealed(record.contents()), roots=roots)

    def judged(self, data: bytes, *, roots: bool | None = True) -> Verdict:
        path = self.folder / "record.asice"
        path.write_bytes(data)
        trust = None if roots is None else r.trust(timestamp_roots=[self.ours.root] if roots else [])
        return verify(path, trust=trust, head=None, at=r.NOW)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("bench")
    ours, foreign = (TimeAuthority(folder / name, since=r.START) for name in ("ours", "foreign"))
    lists = (r.court().folder or folder) / "crl"
    lists.mkdir(exist_ok=True)
    (lists / "ours.crl").write_bytes(ours.crl())
    with serving(ours) as here, serving(foreign) as there:
        web = Outward()
        stamps = Stamps(web, here, lambda: SEALED, roots=[ours.root])
        yield Bench(ours, foreign, stamps, Stamps(web, there, lambda: SEALED), folder)


@pytest.fixture
def bench(opened: Bench) -> Bench:
    opened.ours.answering = opened.ours.at(SEALED)
    opened.foreign.answering = opened.foreign.at(SEALED)
    return opened


def told(verdict: Verdict) -> str:
    assert verdict.accepted, verdict.sentence
    return {check.name: check.sentence for check in verdict.checks}["minutes"]


def refused(verdict: Verdict, check: str = "minutes") -> str:
    assert not verdict.accepted
    first = next(one for one in verdict.checks if one.outcome is Outcome.REFUSED)
    assert first.name == check, first
    return first.sentence


# --- accepted ----------------------------------------------------------------------------------


def test_every_level_is_accepted_and_says_whose_time_it_is(bench: Bench) -> None:
    bare = pades.seal_pdf(r.plain_pdf(), bench.seal, reason="Minutes", at=SEALED).data
    assert "(B-B, by the signer's own clock)" in told(bench.verified(bare))
    for level, pdf in (("B-T", bench.timed()), ("B-LTA", bench.archived())):
        assert f"({level}, its time confirmed by a listed authority)" in told(bench.verified(pdf))
        for roots in (False, None):
            assert f"({level}, with the timestamp of an authority)" in told(bench.verified(pdf, roots=roots))
    assert "B-LTA" in told(bench.verified(bench.archived(bench.archived())))


def test_a_file_that_was_signed_outside_is_accepted_under_the_court_s_seal(bench: Bench) -> None:
    judge = card(since=r.START - timedelta(days=9), until=r.START + timedelta(days=9))
    outside = signed(r.plain_pdf(), judge, at=SEALED)
    assert "does not list" in refused(bench.verified(outside))
    approved = bench.timed(pdf=outside, certify=False)
    assert "sealed by Court of Appeal seal (B-T" in told(bench.verified(approved))
    assert "sealed by Court of Appeal seal (B-LTA" in told(bench.verified(bench.archived(approved)))


# --- refused -----------------------------------------------------------------------------------

Attack = Callable[[Bench], bytes]
ATTACKS: dict[str, tuple[str, Attack]] = {}


def attack(reason: str) -> Callable[[Attack], Attack]:
    def kept(make: Attack) -> Attack:
        ATTACKS[make.__name__.replace("_", " ")] = reason, make
        return make

    return kept


NO_SEAL = "has no seal over the whole file"


@attack(NO_SEAL)
def altered_after_it_was_archived(bench: Bench) -> bytes:
    return turned(bench.archived())


@attack(NO_SEAL)
def altered_and_stamped_again(bench: Bench) -> bytes:
    return bench.stamped(turned(bench.archived()))


@attack(NO_SEAL)
def altered_and_archived_by_whoever(bench: Bench) -> bytes:
    return bench.stamped(turned(bench.timed()))


@attack(NO_SEAL)
def the_last_timestamp_stripped(bench: Bench) -> bytes:
    writer = IncrementalPdfFileWriter(io.BytesIO(bench.timed()))
    DocumentSecurityStore.supply_dss_in_writer(
        writer, sig_contents=None, certs=[pades._for_pyhanko(bench.seal.root)]
    )
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


@attack(NO_SEAL)
def bytes_behind_the_last_timestamp(bench: Bench) -> bytes:
    return bench.archived() + b"% more\n"


@attack("does not list")
def stamped_by_a_foreign_authority(bench: Bench) -> bytes:
    return bench.stamped(bench.timed(), bench.stranger)


@attack("does not list")
def sealed_with_the_time_of_a_foreign_authority(bench: Bench) -> bytes:
    return bench.timed(bench.stranger)


@attack("older than what it is over")
def a_timestamp_older_than_the_one_before(bench: Bench) -> bytes:
    pdf = bench.stamped(bench.timed(), back_dated(bench, -timedelta(minutes=20)))
    bench.ours.answering = bench.ours.at(SEALED)
    return bench.stamped(pdf)


def back_dated(bench: Bench, by: timedelta) -> Stamps:
    """Of our own authority, whose clock is wrong: it goes along with ours at that moment."""
    bench.ours.answering = bench.ours.at(SEALED - by)
    return Stamps(bench.stamps._web, bench.stamps._address, lambda: SEALED - by)


@attack("older than the seal that it is over")
def a_seal_stamped_before_it_was_made(bench: Bench) -> bytes:
    return bench.timed(back_dated(bench, timedelta(seconds=301)))


@attack("older than what it is over")
def a_file_stamped_before_it_was_sealed(bench: Bench) -> bytes:
    pdf = bench.timed()
    return bench.stamped(pdf, back_dated(bench, timedelta(seconds=301)))


@attack("lies in the future")
def a_seal_stamped_in_the_future(bench: Bench) -> bytes:
    return bench.timed(back_dated(bench, -timedelta(hours=3)))


@attack("lies in the future")
def a_file_stamped_in_the_future(bench: Bench) -> bytes:
    pdf = bench.timed()
    return bench.stamped(pdf, back_dated(bench, -timedelta(hours=3)))


@attack("not valid when it was used")
def a_timestamp_of_a_certificate_that_has_expired(bench: Bench) -> bytes:
    old = pades.seal_pdf(r.plain_pdf(), bench.seal, reason="Minutes", at=r.START - timedelta(hours=30))
    lenient = back_dated(bench, timedelta(hours=30))
    lenient._check = lambda *words: None  # type: ignore[method-assign]
    return bench.stamped(old.data, lenient)


@attack("other bytes")
def a_seal_with_the_timestamp_of_another(bench: Bench) -> bytes:
    lenient = Other(bench.stamps._web, bench.stamps._address, lambda: SEALED)
    return bench.timed(lenient)


@attack("over other bytes")
def stamped_over_other_bytes(bench: Bench) -> bytes:
    lenient = Other(bench.stamps._web, bench.stamps._address, lambda: SEALED)
    return bench.stamped(bench.timed(), lenient)


@attack("does not list")
def signed_by_a_stranger_after_the_court(bench: Bench) -> bytes:
    stranger = card(since=r.START - timedelta(days=9), until=r.START + timedelta(days=9))
    return signed(bench.archived(), stranger, at=SEALED)


@attack("does not list")
def archived_by_another_court(bench: Bench) -> bytes:
    pdf = pades.seal_pdf(r.plain_pdf(), r.court("Nobody"), reason="x", at=SEALED, stamps=bench.stamps).data
    return bench.stamped(pdf)


@attack("something behind")
def a_message_in_the_room_of_the_timestamp(bench: Bench) -> bytes:
    return filled(bench.archived())


@attack("is encrypted")
def encrypted(bench: Bench) -> bytes:
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.pdf_utils.writer import copy_into_new_writer

    writer = copy_into_new_writer(PdfFileReader(io.BytesIO(bench.timed())))
    writer.encrypt("owner", "user")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_on_the_minutes_is_refused(name: str, bench: Bench) -> None:
    reason, make = ATTACKS[name]
    assert reason in refused(bench.verified(make(bench)))


def test_a_foreign_authority_is_refused_only_where_roots_are_given(bench: Bench) -> None:
    pdf = bench.stamped(bench.timed(), bench.stranger)
    assert told(bench.verified(pdf, roots=False))
    assert told(bench.verified(pdf, roots=None))


def test_a_revoked_authority_or_court_is_refused(bench: Bench) -> None:
    pdf = bench.archived()
    serial = bench.ours.certificate.serial_number
    crl = bench.ours.crl(serial)
    assert "revoked" in refused(bench.verified(pdf, crls=[crl]))
    assert told(bench.verified(pdf, crls=[bench.ours.crl(serial + 1), *bench.seal.revocations(SEALED)]))


def test_a_stripped_timestamp_is_seen_by_the_digest_of_the_file(bench: Bench) -> None:
    """It is under no signature, but the file is under the journal's."""
    pdf = bench.timed()
    start = pdf.rindex(b"/Contents <") + 11
    end = pdf.index(b">", start)
    info = cms.ContentInfo.load(bytes.fromhex(pdf[start:end].decode()))
    data = info["content"]
    signer = data["signer_infos"][0]
    bare = {name: signer[name] for name in signer if name != "unsigned_attrs"}
    data["signer_infos"] = cms.SignerInfos([cms.SignerInfo(bare)])
    stripped = pdf[:start] + info.dump().hex().encode().ljust(end - start, b"0") + pdf[end:]
    assert "B-B" in told(bench.verified(stripped))
    record = r.draft()
    record.files[PATH] = pdf
    record.find("minutes.sealed").members["sha256"] = hashlib.sha256(pdf).hexdigest()
    record.late = lambda contents: replace(contents, minutes={**contents.minutes, PATH: stripped})
    assert PATH in refused(bench.judged(r.sealed(record.contents())), "files")


# --- the seal on the head ----------------------------------------------------------------------


def sealed(bench: Bench, stamps: Stamps) -> bytes:
    out = io.BytesIO()
    package.write(out, r.draft().contents(), seal=bench.seal, at=r.at(3_600_000), stamps=stamps)
    return out.getvalue()


def at(bench: Bench, ms: int, authority: TimeAuthority, stamps: Stamps) -> Stamps:
    authority.answering = authority.at(r.at(ms))
    return Stamps(stamps._web, stamps._address, lambda: r.at(ms))


def test_the_seal_on_the_head_bears_a_time_that_is_held_to_the_roots_and_the_last_entry(bench: Bench) -> None:
    verdict = bench.judged(sealed(bench, at(bench, 3_600_000, bench.ours, bench.stamps)))
    assert verdict.accepted, verdict.sentence
    assert any("by 1 timestamps of an authority" in check.sentence for check in verdict.checks)
    strange = sealed(bench, at(bench, 3_600_000, bench.foreign, bench.stranger))
    assert "does not list" in refused(bench.judged(strange), "seals")
    assert bench.judged(strange, roots=False).accepted
    assert "older" in refused(
        bench.judged(sealed(bench, at(bench, -300_000, bench.ours, bench.stamps))), "seals"
    )
    assert "future" in refused(
        bench.judged(sealed(bench, at(bench, 9_000_000, bench.ours, bench.stamps))), "seals"
    )


def test_a_head_seal_without_its_timestamp_is_another_file(bench: Bench) -> None:
    files = r.parts(sealed(bench, at(bench, 3_600_000, bench.ours, bench.stamps)))
    path = "data/journal/checkpoint.court.p7s"
    bare = {**files, path: bench.seal.sign(files["data/journal/checkpoint.txt"], r.at(3_600_000))}
    manifest = r.repacked(files)
    with_other = r.repacked(bare, sign=lambda listed: r.court("Nobody").sign(listed, r.at(3_600_000)))
    assert bench.judged(manifest).accepted
    assert refused(bench.judged(with_other), "seals")


def test_a_trust_file_lists_the_roots_of_the_authority(bench: Bench) -> None:
    given = json.loads(r.trust(timestamp_roots=bench.stamps.roots))
    assert given["timestampRoots"] == [bench.ours.root.public_bytes(Encoding.PEM).decode()]
