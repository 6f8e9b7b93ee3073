"""The verifier: one good record accepted, and everything else refused by the check that should refuse it."""

import base64
import contextlib
import hashlib
import io
import json
import os
import re
import struct
import subprocess
import sys
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import cms, core
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from hearings import answers, container, package, seals, signatures, tree
from hearings.events import KINDS, Event
from hearings.verify import Outcome, Verdict, main, verify
from hearings.verify_media import SEGMENT, Span, tiling_fault
from tests.hearings import records as r
from tests.hearings.in_node import Ask, in_node
from tests.hearings.test_answers import Signer

TRUST = r.trust


def judged(tmp_path: Path, data: bytes, *, trust: bytes | None = None, head: bytes | None = None) -> Verdict:
    path = tmp_path / "record.asice"
    path.write_bytes(data)
    return verify(path, trust=trust, head=head, at=r.NOW)


def refusals(verdict: Verdict) -> dict[str, str]:
    return {check.name: check.sentence for check in verdict.checks if check.outcome is Outcome.REFUSED}


def accepted(verdict: Verdict) -> bool:
    assert verdict.accepted, verdict.sentence
    return verdict.accepted


# --- good records ------------------------------------------------------------------------------


def test_a_good_record_is_accepted_without_a_trust_file_and_says_by_which_key(tmp_path: Path) -> None:
    verdict = judged(tmp_path, r.good())
    assert accepted(verdict)
    assert "complete, unaltered, sealed by" in verdict.sentence
    assert "not confirmed: compare the fingerprint" in verdict.sentence
    assert signatures.fingerprint(r.court().certificate) in verdict.sentence
    assert r.vkey() in verdict.sentence
    done = {check.name: check.outcome for check in verdict.checks}
    assert {name for name, outcome in done.items() if outcome is Outcome.SKIPPED} == {
        "trust",
        "head",
        "copies",
    }
    assert list(done) == [
        *("trust", "head", "zip", "container", "bag", "log", "tree", "entries"),
        *("seals", "files", "time", "minutes", "copies"),
    ]


def test_with_a_trust_file_the_signer_is_listed(tmp_path: Path) -> None:
    verdict = judged(tmp_path, r.good(), trust=TRUST(log_keys=[r.vkey()]))
    assert accepted(verdict)
    assert "listed in the trust file" in verdict.sentence


def test_with_a_log_key_alone_the_signers_are_not_confirmed(tmp_path: Path) -> None:
    trust = json.dumps({"v": 1, "logKeys": [r.vkey()]}).encode()
    verdict = judged(tmp_path, r.good(), trust=trust)
    assert accepted(verdict)
    assert "not confirmed" in verdict.sentence


def test_an_authority_admits_the_organisation_that_is_stated(tmp_path: Path) -> None:
    root = r.court().root.public_bytes(Encoding.PEM).decode()
    stated = signatures.organisation(r.court().certificate)
    entry = {"cert": root, "roles": ["seal"], "organizationIdentifier": stated}
    trust = json.dumps({"v": 1, "courts": [entry]}, indent=2).encode()
    assert accepted(judged(tmp_path, r.good(), trust=trust))


def test_a_kept_head_that_is_a_prefix_is_fine(tmp_path: Path) -> None:
    head = r.parts(r.good())["data/journal/checkpoints/3.txt"]
    assert accepted(judged(tmp_path, r.good(), head=head))
    others = r.checkpoint([b"{}"], origin="vivavoce/of-another-hearing")
    assert accepted(judged(tmp_path, r.good(), trust=TRUST(heads=[head, others])))


def test_a_record_of_a_hearing_that_never_sat_is_accepted(tmp_path: Path) -> None:
    record = r.Draft(said=r.draft().said[:3])
    record.late = lambda contents: replace(contents, earlier=[])
    verdict = judged(tmp_path, r.sealed(record.contents()))
    assert accepted(verdict)
    done = {check.name: check.outcome for check in verdict.checks}
    assert done["time"] is done["minutes"] is Outcome.SKIPPED


def test_a_track_without_any_packet_has_no_files_and_one_gap(tmp_path: Path) -> None:
    def silent(record: r.Draft) -> None:
        del record.tracks[r.VIDEO]
        record.find("media.progress").members["tracks"].pop()
        record.said = [one for one in record.said if one.type != "media.gap"]
        whole = {"from": r.stamp(r.ON), "to": r.stamp(r.OFF), "reason": "not-sent"}
        record.say(r.OFF + 1, "media.gap", track=r.VIDEO, **whole)

    assert accepted(judged(tmp_path, r.sealed(r.draft(silent).contents()), trust=TRUST()))


def lost_from_disk(*losses: tuple[int, int], keep: int = 1) -> r.Change:
    """Of the sound, which the journal anchored up to two of three segments, so many are left; `losses`: first and n."""

    def change(record: r.Draft) -> None:
        gap = {"from": r.stamp(r.ON + 2000 * keep), "to": r.stamp(r.OFF)}
        for first, n in losses:
            record.say(r.OFF + 1, "media.lost", track=r.AUDIO, stretch=1, first=first, n=n, **gap)
        record.say(r.OFF + 1, "media.gap", track=r.AUDIO, reason="lost", **gap)
        del record.tracks[r.AUDIO][keep:]
        if not keep:
            del record.tracks[r.AUDIO]

    return change


@pytest.mark.parametrize(
    ("losses", "keep"), [([(1, 2)], 1), ([(2, 1), (1, 1)], 1), ([(0, 3)], 0)], ids=["some", "twice", "all"]
)
def test_what_the_disk_has_lost_is_named_by_the_verdict(
    losses: list[tuple[int, int]], keep: int, tmp_path: Path
) -> None:
    record = r.draft(lost_from_disk(*losses, keep=keep))
    verdict = judged(tmp_path, r.sealed(record.contents()), trust=TRUST())
    assert accepted(verdict)
    assert f"complete but for {len(losses)} parts of the recording that were lost" in verdict.sentence


def test_a_loss_that_is_concealed_is_still_a_loss(tmp_path: Path) -> None:
    record = r.draft(lost_from_disk((1, 2)))
    (seq,) = (seq for seq, one in enumerate(record.said) if one.type == "media.lost")
    members = {"track", "stretch", "first", "n", "from", "to"}
    contents = r.redacted(record.contents(), seqs={seq: members}, paths=[])
    verdict = judged(tmp_path, r.sealed(contents), trust=TRUST())
    assert accepted(verdict)
    assert "1 parts withheld and 1 parts of the recording that were lost" in verdict.sentence


def test_two_stretches_are_counted_and_accounted_for_one_by_one(tmp_path: Path) -> None:
    def again(record: r.Draft) -> None:
        on, off = r.OFF + 1000, r.OFF + 2500
        record.say(on, "record.on", stretch=2, tracks=[r.AUDIO], by=r.JUDGE)
        record.say(off, "record.off", stretch=2, reason="end", by=r.JUDGE)
        segments = r.original([(on, off)])
        record.files[f"data/media/{r.AUDIO}-2.pcapng"] = r.joined(segments)
        record.files[f"data/media/{r.AUDIO}-2.index.jsonl"] = r.index(segments)

    assert accepted(judged(tmp_path, r.sealed(r.draft(again).contents()), trust=TRUST()))


def test_a_private_consultation_off_the_record_is_accepted(tmp_path: Path) -> None:
    record = r.draft(lambda record: consult(record, r.OFF + 5, r.OFF + 6))
    assert accepted(judged(tmp_path, r.sealed(record.contents()), trust=TRUST()))


def test_an_instrument_chosen_before_the_room_was_opened_is_accepted(tmp_path: Path) -> None:
    assert accepted(judged(tmp_path, chosen(6), trust=TRUST()))


@pytest.mark.parametrize("hidden", [(), ("test.arranged",), ("test.held",)])
def test_a_technical_test_is_accepted_whatever_of_it_is_concealed(
    tmp_path: Path, hidden: tuple[str, ...]
) -> None:
    record = r.draft(incidents(*TESTS))
    seqs = [n for n, one in enumerate(record.said) if one.type in hidden]
    contents = record.contents()
    if hidden:
        contents = r.redacted(contents, seqs={n: {"test"} for n in seqs}, paths=[])
    assert accepted(judged(tmp_path, r.sealed(contents), trust=TRUST()))


@pytest.mark.parametrize("hidden", [(), ("protection.ordered",), ("protection.lifted",)])
def test_orders_of_protection_are_accepted_whatever_of_them_is_concealed(
    tmp_path: Path, hidden: tuple[str, ...]
) -> None:
    others = (
        ("protection.ordered", {**ORDER, "protects": "recording", "stretch": 1}),
        ("protection.ordered", {**ORDER, "protects": "member", "entry": 2, "member": "by"}),
        ("protection.lifted", {**LIFTED, "whom": r.WITNESS}),
    )
    record = r.draft(incidents(*ORDERED, *others))
    seqs = [n for n, one in enumerate(record.said) if one.type in hidden]
    contents = record.contents()
    if hidden:
        names = {"protects", "whom", "stretch", "entry", "member", "order"}
        contents = r.redacted(contents, seqs=dict.fromkeys(seqs, names), paths=[])
    assert accepted(judged(tmp_path, r.sealed(contents), trust=TRUST()))


@pytest.mark.parametrize("redact", [False, True])
def test_a_plan_that_was_changed_and_confirmed_is_accepted(tmp_path: Path, redact: bool) -> None:
    record = r.draft(incidents(*PLANNED))
    contents = record.contents()
    if redact:
        seqs = [n for n, one in enumerate(record.said) if one.type == "change.confirmed"]
        contents = r.redacted(contents, seqs={n: {"change"} for n in seqs}, paths=[])
    assert accepted(judged(tmp_path, r.sealed(contents), trust=TRUST()))


@pytest.mark.parametrize("redact", [False, True])
def test_what_came_up_and_was_answered_is_accepted(tmp_path: Path, redact: bool) -> None:
    contents = r.draft(incidents(*INCIDENTS)).contents()
    if redact:
        answers = ("intervention.settled", "privilege.ruled", "objection.decided", "hearing.suspended")
        seqs = [n for n, one in enumerate(r.draft(incidents(*INCIDENTS)).said) if one.type in answers]
        hidden = {"intervention", "claim", "objection", "lost"}
        contents = r.redacted(contents, seqs=dict.fromkeys(seqs, hidden), paths=[])
    assert accepted(judged(tmp_path, r.sealed(contents), trust=TRUST()))


def test_who_was_lost_and_sent_out_holds_nothing_up(tmp_path: Path) -> None:
    out = ("participant.dismissed", {}), ("hearing.resumed", RESUMED)
    found = ("identity.renewed", SEEN_AGAIN), ("participant.admitted", {})
    for rest in ((), found):
        record = r.draft(incidents(("hearing.suspended", LOST), *out, *rest))
        assert accepted(judged(tmp_path, r.sealed(record.contents()), trust=TRUST()))


@pytest.mark.parametrize("back", [None, 5_000, r.ON + 4200, r.OFF + 5])
def test_what_was_asked_answered_and_taken_back_is_accepted(tmp_path: Path, back: int | None) -> None:
    record = r.draft(lambda record: consent(record, back=back))
    assert accepted(judged(tmp_path, r.sealed(record.contents()), trust=TRUST()))


@pytest.mark.parametrize(
    "method", [{"method": "paper", "document": "0" * 64}, {"method": "spoken", "witnessed": r.JUDGE}]
)
def test_an_answer_on_paper_or_by_word_of_mouth_is_accepted(tmp_path: Path, method: dict[str, str]) -> None:
    record = r.draft(lambda record: consent(record, said={"key": None, "signature": None, **method}))
    assert accepted(judged(tmp_path, r.sealed(record.contents()), trust=TRUST()))


def test_of_a_redacted_declaration_the_rest_still_holds(tmp_path: Path) -> None:
    """The words, or what it was about, may be concealed; nothing is refused for what cannot be known."""
    record = r.draft(lambda record: consent(record, back=r.ON + 4200))
    seqs = {n: one for n, one in enumerate(record.said) if one.type.startswith("consent.")}
    for hidden in ({"words"}, {"what"}, {"what", "sha256", "asked", "signature"}, {"answer"}):
        kept = {seq: hidden & one.members.keys() for seq, one in seqs.items() if hidden & one.members.keys()}
        contents = r.redacted(record.contents(), seqs=kept, paths=[])
        assert accepted(judged(tmp_path, r.sealed(contents), trust=TRUST())), hidden


def test_a_type_that_is_not_known_is_reported_and_not_refused(tmp_path: Path) -> None:
    record = r.draft(lambda record: record.say(r.OFF + 2, "custody.handed", to="archive"))
    verdict = judged(tmp_path, r.sealed(record.contents()), trust=TRUST())
    assert accepted(verdict)
    assert any("custody.handed" in check.sentence for check in verdict.checks)


def test_ipv6_and_big_endian_originals_are_read(tmp_path: Path) -> None:
    def other(record: r.Draft) -> None:
        six = b"\x60" + bytes(7) + (bytes.fromhex("20010db8") + bytes(12)) * 2 + b"data"
        us = int(r.START.timestamp() * 1_000_000 + r.ON * 1000)
        body = struct.pack(">IIIII", 0, us >> 32, us & 0xFFFFFFFF, len(six), len(six)) + six
        data = struct.pack(">IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
        data += struct.pack(">IIHHIHHBxxxHHI", 1, 32, 229, 0, 0, 9, 1, 6, 0, 0, 32)
        data += struct.pack(">II", 6, len(body) + 12) + body + struct.pack(">I", len(body) + 12)
        record.tracks[r.VIDEO] = [r.Segment(r.ON, r.ON + 1500, data)]
        gaps = [one for one in record.said if one.type == "media.gap"]
        gaps[0].members |= {"from": r.stamp(r.ON + 1500), "to": r.stamp(r.OFF)}
        record.said.remove(gaps[1])
        record.find("media.progress").members["tracks"].pop()

    assert accepted(judged(tmp_path, r.sealed(r.draft(other).contents()), trust=TRUST()))


# --- redacted records --------------------------------------------------------------------------

VIDEO_FILES = [f"data/media/{r.VIDEO}-1.index.jsonl", f"data/media/{r.VIDEO}-1.pcapng"]


def redacted_contents(
    seqs: dict[int, set[str]] | None = None, paths: list[str] | None = None
) -> package.Contents:
    """The good record without the witness's name and picture, under the seals of the full one."""
    contents = r.draft().contents()
    full = r.parts(r.sealed(contents))
    contents = replace(
        contents,
        log_key_seal=full["data/trust/log-key.court.p7s"],
        checkpoint_seal=full["data/journal/checkpoint.court.p7s"],
        root=full["data/trust/certs/root.pem"],
    )
    return r.redacted(
        contents, seqs={3: {"name"}} if seqs is None else seqs, paths=VIDEO_FILES if paths is None else paths
    )


def test_a_redacted_record_is_accepted_and_says_so(tmp_path: Path) -> None:
    verdict = judged(tmp_path, r.sealed(redacted_contents(), ms=5_000_000), trust=TRUST())
    assert accepted(verdict)
    assert "complete but for 3 parts withheld" in verdict.sentence
    assert "released by" in verdict.sentence


def test_concealed_gaps_explain_as_many_holes_and_no_more(tmp_path: Path) -> None:
    everything = {"track", "from", "to", "reason"}
    one = redacted_contents({8: everything}, [])
    assert accepted(judged(tmp_path, r.sealed(one), trust=TRUST()))

    def hole(record: r.Draft) -> None:
        record.said = [one for one in record.said if one.members.get("reason") != "connection-lost"]

    two = r.redacted(r.draft(hole).contents(), seqs={8: everything}, paths=[])
    assert "time" in refusals(judged(tmp_path, r.sealed(two), trust=TRUST()))


def test_another_authority_may_release_if_it_is_listed_for_that(tmp_path: Path) -> None:
    other = r.court("Prosecutor General")
    data = r.sealed(redacted_contents(), seal=other)
    assert accepted(judged(tmp_path, data))
    listed = json.loads(TRUST())
    assert "seals" in refusals(judged(tmp_path, data, trust=json.dumps(listed).encode()))
    pem = other.certificate.public_bytes(Encoding.PEM).decode()
    listed["courts"].append({"cert": pem, "roles": ["release"]})
    verdict = judged(tmp_path, data, trust=json.dumps(listed).encode())
    assert accepted(verdict)
    assert "container released by Prosecutor General seal" in verdict.sentence


# --- every byte --------------------------------------------------------------------------------


def test_of_each_five_bytes_one_that_is_flipped_is_refused_another_every_day(tmp_path: Path) -> None:
    """All bytes are too many for each run: in five days every one of them has been flipped."""
    data, first = r.good(), datetime.now(UTC).toordinal() % 5
    assert len(data) <= 40_000
    path = tmp_path / "record.asice"
    path.write_bytes(data)
    trust, began, let_through = TRUST(), time.monotonic(), []
    with path.open("r+b", buffering=0) as file:
        for place, byte in islice(enumerate(data), first, None, 5):
            os.pwrite(file.fileno(), bytes([byte ^ (1 << place % 8)]), place)
            verdict = verify(path, trust=trust, head=None, at=r.NOW)
            if verdict.accepted or not verdict.sentence.startswith("Refused ("):
                let_through.append(place)
            os.pwrite(file.fileno(), bytes([byte]), place)
        assert verify(path, trust=trust, head=None, at=r.NOW).accepted
    assert let_through == []
    assert time.monotonic() - began < 12


def test_a_byte_flipped_before_an_insider_packs_again_is_refused(tmp_path: Path) -> None:
    """The outer seal is made anew each time, so only the seals and digests within can tell."""
    files = r.parts(r.good())
    free = {"data/README.txt", "data/record.json"}  # the container's own word
    let_through = []
    for path in sorted(path for path in files if path.startswith("data/") and path not in free):
        for place in range(0, len(files[path]), max(1, len(files[path]) // 12)):
            flipped = bytearray(files[path])
            flipped[place] ^= 0x01
            if judged(tmp_path, r.repacked({**files, path: bytes(flipped)}), trust=TRUST()).accepted:
                let_through.append((path, place))
    # With a trust file the copies of certificates count for nothing.
    assert [item for item in let_through if not item[0].startswith("data/trust/certs/")] == []


# --- attacks -----------------------------------------------------------------------------------

Attack = tuple[str, Callable[[], bytes]]
ATTACKS: dict[str, Attack] = {}


def attack(check: str) -> Callable[[Callable[[], bytes]], Callable[[], bytes]]:
    def note(make: Callable[[], bytes]) -> Callable[[], bytes]:
        name = make.__name__.replace("_", " ").strip()
        assert name not in ATTACKS
        ATTACKS[name] = (check, make)
        return make

    return note


def table(check: str, **attacks: Callable[[], bytes]) -> None:
    for name, make in attacks.items():
        make.__name__ = name
        attack(check)(make)


@cache
def files() -> dict[str, bytes]:
    return {path: data for path, data in r.parts(r.good()).items() if path.startswith("data/")}


def with_file(path: str, change: Callable[[bytes], bytes] | bytes | None, **more: Any) -> bytes:
    """The good package with one payload file changed, added or removed, and packed again by the court."""
    changed = dict(files())
    if change is None:
        del changed[path]
    else:
        changed[path] = change if isinstance(change, bytes) else change(changed[path])
    return r.repacked(changed, **more)


def rebuilt(change: r.Change) -> bytes:
    """A record in which this is so, and everything is sealed properly."""
    return r.sealed(r.draft(change).contents())


def late(change: Callable[[package.Contents], package.Contents]) -> bytes:
    return rebuilt(lambda record: setattr(record, "late", change))


def test_the_base_of_the_attacks_is_good(tmp_path: Path) -> None:
    assert accepted(judged(tmp_path, r.repacked(files()), trust=TRUST()))
    assert accepted(judged(tmp_path, rebuilt(lambda record: None), trust=TRUST()))


# ... on the ZIP


def entries() -> list[container.Entry]:
    return container.entries_of(io.BytesIO(r.good()))


def named() -> list[tuple[str, bytes]]:
    data = r.good()
    return [
        (one.name, data[(start := one.offset + len(container.local_header(one))) : start + one.size])
        for one in entries()
    ]


def rezipped(change: Callable[[list[tuple[str, bytes]]], None]) -> bytes:
    changed = named()
    change(changed)
    return r.zipped(changed)


def poked(place: int, value: bytes) -> bytes:
    data = bytearray(r.good())
    place = place if place >= 0 else len(data) + place
    data[place : place + len(value)] = value
    return bytes(data)


def start_of_directory() -> int:
    return struct.unpack("<I", r.good()[-6:-2])[0]


def with_gap() -> bytes:
    data, list_of = b"", []
    for number, (name, content) in enumerate(named()):
        data += b"hidden" if number == 3 else b""
        list_of.append(container.Entry(name, len(content), zlib.crc32(content), len(data)))
        data += container.local_header(list_of[-1]) + content
    return data + container.directory(list_of, len(data))


def with_zip64() -> bytes:
    head, end, start = r.good()[:-22], r.good()[-22:], start_of_directory()
    count, size = len(entries()), len(r.good()) - 22 - start
    record = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
    return head + record + struct.pack("<4sIQI", b"PK\x06\x07", 0, start + size, 1) + end


def with_local_extra() -> bytes:
    """An extra field in a local header that the central one does not have."""
    data, list_of = b"", []
    for number, (name, content) in enumerate(named()):
        list_of.append(container.Entry(name, len(content), zlib.crc32(content), len(data)))
        header = container.local_header(list_of[-1])
        data += header[:28] + b"\x04\x00" + header[30:] + b"\x99\x99\x00\x00" if number == 2 else header
        data += content
    return data + container.directory(list_of, len(data))


def with_entries(change: Callable[[int, container.Entry], container.Entry], *, hidden: bytes = b"") -> bytes:
    """The same files with other words about them, in both headers, and bytes before the directory."""
    data, list_of = b"", []
    for number, (name, content) in enumerate(named()):
        entry = change(number, container.Entry(name, len(content), zlib.crc32(content), len(data)))
        list_of.append(entry)
        data += container.local_header(entry) + content
    data += hidden
    return data + container.directory(list_of, len(data))


README = "data/README.txt"

table(
    "zip",
    a_byte_behind_the_end=lambda: r.good() + b"\n",
    a_byte_before_the_beginning=lambda: b"\n" + r.good(),
    a_comment=lambda: r.good()[:-2] + b"\x02\x00hi",
    a_data_descriptor_flag=lambda: poked(6, b"\x08\x00"),
    a_utf8_flag_in_both_headers=lambda: poked(start_of_directory() + 8, b"\x00\x08"),
    another_method=lambda: poked(8, b"\x08\x00"),
    a_time_of_day=lambda: poked(10, b"\x01\x00"),
    made_by_unix=lambda: poked(start_of_directory() + 5, b"\x03"),
    file_attributes=lambda: poked(start_of_directory() + 38, b"\x01"),
    another_disk=lambda: poked(start_of_directory() + 34, b"\x01"),
    a_wrong_count=lambda: poked(-12, b"\x01\x00"),
    a_wrong_checksum=lambda: poked(14, b"\x00\x00\x00\x00"),
    a_huge_directory=lambda: poked(-10, b"\xff\xff\xff\x7f"),
    a_wrong_checksum_in_both_headers=lambda: with_entries(
        lambda number, entry: entry._replace(crc=entry.crc ^ 1) if number == 4 else entry
    ),
    an_offset_to_elsewhere=lambda: with_entries(
        lambda number, entry: entry._replace(offset=entry.offset + 4) if number == 4 else entry
    ),
    bytes_before_the_directory=lambda: with_entries(lambda _, entry: entry, hidden=b"hidden"),
    zip64_without_need=with_zip64,
    an_extra_field_in_a_local_header=with_local_extra,
    bytes_between_two_files=with_gap,
    two_files_swapped=lambda: rezipped(lambda all_: all_.insert(3, all_.pop(4))),
    mimetype_not_first=lambda: rezipped(lambda all_: all_.insert(1, all_.pop(0))),
    signature_before_manifest=lambda: rezipped(lambda all_: all_.append(all_.pop(-2))),
    a_file_twice=lambda: rezipped(lambda all_: all_.insert(3, all_[3])),
    a_folder_entry=lambda: rezipped(lambda all_: all_.insert(1, (f"{r.HEARING}/", b""))),
    another_mimetype=lambda: rezipped(lambda all_: all_.__setitem__(0, ("mimetype", b"application/zip"))),
    a_file_added=lambda: with_file("data/journal/more.txt", b"x"),
    a_file_added_beside_the_bag=lambda: rezipped(lambda all_: all_.insert(-2, ("README", b"x"))),
    a_third_file_in_meta_inf=lambda: rezipped(lambda all_: all_.append(("META-INF/x.xml", b"x"))),
    a_name_that_climbs=lambda: with_file("data/../../etc.txt", b"x"),
    names_that_differ_by_case=lambda: with_file("data/trust/certs/Root.pem", b"x"),
    a_file_removed=lambda: with_file("data/journal/checkpoint.court.p7s", None),
    the_readme_removed=lambda: with_file(README, None),
    a_folder_of_another_name=lambda: rezipped(
        lambda all_: all_.__setitem__(
            slice(None), [(n.replace(str(r.HEARING), "hearing"), d) for n, d in all_]
        )
    ),
    a_seal_of_more_than_a_mebibyte=lambda: with_file("data/journal/checkpoint.court.p7s", bytes(2**20 + 1)),
    a_fetch_file=lambda: r.repacked(files(), tags=lambda tags: {**tags, "fetch.txt": b"x\n"}),
    an_odd_checkpoint_name=lambda: with_file("data/journal/checkpoints/003.txt", b"x"),
)


# ... on the container


def resealed(change: Callable[[cms.SignedData], None]) -> bytes:
    """The good container's CMS with something changed in it."""
    return rezipped(
        lambda all_: all_.__setitem__(-1, (container.SIGNATURE, changed_cms(all_[-1][1], change)))
    )


def changed_cms(sealed: bytes, change: Callable[[cms.SignedData], None]) -> bytes:
    info = cms.ContentInfo.load(sealed)
    change(info["content"])
    return info.dump()


def high_s(data: cms.SignedData) -> None:
    signer = data["signer_infos"][0]
    a, b = decode_dss_signature(signer["signature"].native)
    signer["signature"] = encode_dss_signature(a, seals._ORDER - b)


def more_attributes(data: cms.SignedData) -> None:
    attribute = cms.CMSAttribute({"type": "signing_time", "values": [cms.Time({"utc_time": r.START})]})
    data["signer_infos"][0]["unsigned_attrs"] = cms.CMSAttributes([attribute])


def more_certificates(data: cms.SignedData) -> None:
    root = cms.CertificateChoices.load(r.court().root.public_bytes(Encoding.DER))
    data["certificates"] = cms.CertificateSet([*data["certificates"], root])


def two_signers(data: cms.SignedData) -> None:
    data["signer_infos"] = [data["signer_infos"][0], data["signer_infos"][0]]


def two_digests(data: cms.SignedData) -> None:
    data["digest_algorithms"] = [{"algorithm": "sha256"}, {"algorithm": "sha512"}]


def attached(data: cms.SignedData) -> None:
    data["encap_content_info"] = {"content_type": "data", "content": b"x"}


def in_ber(sealed: bytes) -> bytes:
    """The outermost sequence with a length in a longer form than needed."""
    length = int.from_bytes(sealed[2:4], "big")
    assert sealed[:2] == b"\x30\x82"
    return b"\x30\x83" + length.to_bytes(3, "big") + sealed[4:]


def signed_with(attributes: Callable[[dict[str, cms.CMSAttribute]], None]) -> bytes:
    """A container whose signer really signed other attributes than the four."""

    def sign(content: bytes) -> bytes:
        info = cms.ContentInfo.load(r.court().sign(content, r.at(3_600_000)))
        signer = info["content"]["signer_infos"][0]
        by_type = {one["type"].native: one for one in signer["signed_attrs"]}
        attributes(by_type)
        changed = cms.CMSAttributes(list(by_type.values()))
        signer["signed_attrs"] = changed
        signer["signature"] = r.court().signature(changed.dump())
        return info.dump()

    return r.repacked(files(), sign=sign)


def with_more(found: dict[str, cms.CMSAttribute]) -> None:
    found["more"] = cms.CMSAttribute({"type": "1.2.3.4", "values": [core.Integer(1)]})


def signed_by_rsa(bits: int) -> bytes:
    """A seal of the right shape by an RSA key, with a certificate of its own."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "RSA")])
    root = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Root")])
    own = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(root)
        .public_key(key.public_key())
        .serial_number(5)
        .not_valid_before(r.START)
        .not_valid_after(r.START + timedelta(days=9))
        .sign(key, hashes.SHA256())
    )

    class ByRsa(seals.CourtSeal):
        def signature(self, signed: bytes) -> bytes:
            from cryptography.hazmat.primitives.asymmetric import padding

            return key.sign(signed, padding.PKCS1v15(), hashes.SHA256())

    def sign(content: bytes) -> bytes:
        sealed = ByRsa(r.court().key, own, (), r.court().root).sign(content, r.at(3_600_000))
        info = cms.ContentInfo.load(sealed)
        info["content"]["signer_infos"][0]["signature_algorithm"] = {"algorithm": "rsassa_pkcs1v15"}
        return info.dump()

    return r.repacked(files(), sign=sign)


def manifested(old: str, new: str, count: int = 1) -> bytes:
    def change(manifest: bytes) -> bytes:
        assert old.encode() in manifest
        return manifest.replace(old.encode(), new.encode(), count)

    return r.repacked(files(), manifest=change)


def without_first_reference(manifest: bytes) -> bytes:
    start = manifest.index(b"  <asic:DataObjectReference")
    end = manifest.index(b"  <asic:DataObjectReference", start + 1)
    return manifest[:start] + manifest[end:]


def swapped_references(manifest: bytes) -> bytes:
    head, *references = manifest.split(b"  <asic:DataObjectReference")
    references[0], references[1] = references[1], references[0]
    return b"  <asic:DataObjectReference".join([head, *references])


ENTITY = '<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>\n<asic:ASiCManifest'

table(
    "container",
    the_other_s=lambda: resealed(high_s),
    an_unsigned_attribute=lambda: resealed(more_attributes),
    the_root_among_the_certificates=lambda: resealed(more_certificates),
    two_signers=lambda: resealed(two_signers),
    two_digest_algorithms=lambda: resealed(two_digests),
    content_within_the_seal=lambda: resealed(attached),
    a_longer_length_than_needed=lambda: rezipped(
        lambda all_: all_.__setitem__(-1, (all_[-1][0], in_ber(all_[-1][1])))
    ),
    a_byte_behind_the_seal=lambda: rezipped(
        lambda all_: all_.__setitem__(-1, (all_[-1][0], all_[-1][1] + b"\0"))
    ),
    a_fifth_signed_attribute=lambda: signed_with(with_more),
    no_signing_time=lambda: signed_with(lambda found: found.pop("signing_time")),
    no_signing_certificate=lambda: signed_with(lambda found: found.pop("signing_certificate_v2")),
    a_short_rsa_key=lambda: signed_by_rsa(2048),
    an_empty_seal=lambda: rezipped(lambda all_: all_.__setitem__(-1, (all_[-1][0], b""))),
    a_seal_over_other_bytes=lambda: r.repacked(files(), sign=lambda _: r.court().sign(b"x", r.at(3_600_000))),
    a_file_not_in_the_manifest=lambda: r.repacked(files(), manifest=without_first_reference),
    the_manifest_in_another_order=lambda: r.repacked(files(), manifest=swapped_references),
    a_wrong_digest_in_the_manifest=lambda: manifested("<ds:DigestValue>", "<ds:DigestValue>AA"),
    a_document_type_with_entities=lambda: manifested("<asic:ASiCManifest", ENTITY),
    a_comment_in_the_manifest=lambda: manifested("</asic:ASiCManifest>", "<!-- x --></asic:ASiCManifest>"),
    an_instruction_in_the_manifest=lambda: manifested("</asic:ASiCManifest>", "<?x y?></asic:ASiCManifest>"),
    another_attribute=lambda: manifested(
        "<asic:DataObjectReference ", '<asic:DataObjectReference Rootfile="true" '
    ),
    another_element=lambda: manifested("</asic:ASiCManifest>", "<asic:Extension/></asic:ASiCManifest>"),
    a_namespace_more=lambda: manifested("<asic:ASiCManifest ", '<asic:ASiCManifest xmlns:x="urn:x" '),
    cdata_in_the_manifest=lambda: manifested("</asic:ASiCManifest>", "<![CDATA[ ]]></asic:ASiCManifest>"),
    a_manifest_that_stands_alone=lambda: manifested('encoding="UTF-8"', 'encoding="UTF-8" standalone="yes"'),
    another_namespace=lambda: manifested("v1.2.1#", "v1.4.1#"),
    another_digest_method=lambda: manifested("xmlenc#sha256", "xmlenc#sha512"),
    text_between_the_elements=lambda: manifested("</asic:ASiCManifest>", "x</asic:ASiCManifest>"),
    a_manifest_in_utf_16=lambda: r.repacked(files(), manifest=lambda data: data.decode().encode("utf-16")),
    a_manifest_for_another_signature=lambda: manifested("signature001", "signature002"),
    a_manifest_that_is_not_xml=lambda: manifested("</asic:ASiCManifest>", ""),
)


# ... on the bag


def tagged(name: str, change: Callable[[bytes], bytes]) -> bytes:
    def tags(made: r.Files) -> r.Files:
        made = {**made, name: change(made[name])}
        if name != "tagmanifest-sha256.txt":
            three = {path: data for path, data in made.items() if not path.startswith("tagmanifest")}
            digests = {path: hashlib.sha256(data).hexdigest() for path, data in three.items()}
            made["tagmanifest-sha256.txt"] = container.bag_manifest(digests)
        return made

    return r.repacked(files(), tags=tags)


MANIFEST = "manifest-sha256.txt"
table(
    "bag",
    an_old_bagit_version=lambda: tagged("bagit.txt", lambda data: data.replace(b"1.0", b"0.97")),
    a_wrong_payload_oxum=lambda: tagged("bag-info.txt", lambda data: data.replace(b"Oxum: ", b"Oxum: 1")),
    another_identifier=lambda: tagged("bag-info.txt", lambda data: data.replace(b"6f1c", b"6f1d")),
    two_payload_oxums=lambda: tagged("bag-info.txt", lambda data: data + b"Payload-Oxum: 1.1\n"),
    no_last_line_feed=lambda: tagged("bag-info.txt", lambda data: data[:-1]),
    carriage_returns=lambda: tagged("bag-info.txt", lambda data: data.replace(b"\n", b"\r\n")),
    a_line_missing=lambda: tagged(MANIFEST, lambda data: data.partition(b"\n")[2]),
    a_line_more=lambda: tagged(MANIFEST, lambda data: data + b"0" * 64 + b"  data/zzz\n"),
    one_space=lambda: tagged(MANIFEST, lambda data: data.replace(b"  ", b" ", 1)),
    lines_not_sorted=lambda: tagged(MANIFEST, lambda data: b"".join(data.splitlines(keepends=True)[::-1])),
    capital_digests=lambda: tagged(MANIFEST, lambda data: data[:64].upper() + data[64:]),
    a_tag_manifest_without_bagit=lambda: tagged(
        "tagmanifest-sha256.txt", lambda data: b"".join(data.splitlines(keepends=True)[:1])
    ),
)


# ... on the log key and the heads


def in_json(path: str, **members: Any) -> bytes:
    def change(data: bytes) -> bytes:
        value = {**json.loads(data), **members}
        return tree.canonical({name: item for name, item in value.items() if item is not ...}) + b"\n"

    return with_file(path, change)


def with_log_key(**members: Any) -> bytes:
    """A log-key.json that says otherwise, under a good seal."""
    key = {**json.loads(files()["data/trust/log-key.json"]), **members}
    data = tree.canonical(key) + b"\n"
    sealed = r.court().sign(data, r.at(3_600_000))
    return r.repacked({**files(), "data/trust/log-key.json": data, "data/trust/log-key.court.p7s": sealed})


def with_head(change: Callable[[bytes], bytes]) -> bytes:
    """Another head, under a good seal."""
    note = change(files()["data/journal/checkpoint.txt"])
    sealed = r.court().sign(note, r.at(3_600_000))
    return r.repacked(
        {**files(), "data/journal/checkpoint.txt": note, "data/journal/checkpoint.court.p7s": sealed}
    )


def signed_twice(note: bytes) -> bytes:
    return note + note.split(b"\n\n")[1]


def cosigner_first(note: bytes) -> bytes:
    head, line = note.split(b"\n\n")
    other = r.cosigned(note, "peer", 50_000).split(b"\n\n")[1].removeprefix(line)
    return head + b"\n\n" + other + line


def extended(note: bytes) -> bytes:
    text = note.split(b"\n\n")[0] + b"\nextension\n"
    key = r.log_secret()
    identifier = tree.public_key(r.vkey())[1]
    return text + f"\n— {r.ORIGIN} {base64.b64encode(identifier + key.sign(text)).decode()}\n".encode()


def leaves() -> list[bytes]:
    return files()["data/journal/leaves.jsonl"].splitlines()


WITHHELD = {"ground": "g", "decision": "d"}
RECORD, LOG_KEY = "data/record.json", "data/trust/log-key.json"
EARLIER = "data/journal/checkpoints/3.txt"

table(
    "log",
    a_record_of_another_version=lambda: in_json(RECORD, v=2),
    a_version_that_is_true=lambda: in_json(RECORD, v=True),
    an_unknown_member_of_the_record=lambda: in_json(RECORD, more=1),
    a_missing_member_of_the_record=lambda: in_json(RECORD, tools=...),
    an_unknown_kind=lambda: in_json(RECORD, kind="partial"),
    another_digest_for_disclosures=lambda: in_json(RECORD, sd_alg="sha-512"),
    another_hearing_in_the_record=lambda: in_json(RECORD, hearing=r.URN.replace("6f1c", "6f1d")),
    a_full_record_that_withholds=lambda: in_json(RECORD, withheld=[{"seq": 3, **WITHHELD}]),
    withheld_twice=lambda: in_json(RECORD, kind="redacted", withheld=[{"seq": 3, **WITHHELD}] * 2),
    withheld_without_a_ground=lambda: in_json(
        RECORD, kind="redacted", withheld=[{"seq": 3, "ground": " ", "decision": "d"}]
    ),
    withheld_out_of_order=lambda: in_json(
        RECORD, kind="redacted", withheld=[{"path": "data/media/x", **WITHHELD}, {"seq": 3, **WITHHELD}]
    ),
    a_record_that_is_not_canonical=lambda: with_file(RECORD, lambda data: data.replace(b'"v":1', b'"v": 1')),
    a_record_of_two_lines=lambda: with_file(RECORD, lambda data: data + data),
    a_record_with_a_float=lambda: with_file(RECORD, lambda data: data.replace(b'"v":1', b'"v":1.0')),
    a_record_with_a_huge_integer=lambda: with_file(
        RECORD, lambda d: d.replace(b'"v":1', b'"v":' + b"1" * 9999)
    ),
    a_record_that_is_deep=lambda: with_file(RECORD, b"[" * 200_000 + b"\n"),
    a_name_twice=lambda: with_file(RECORD, lambda data: data.replace(b'"v":1', b'"v":1,"v":1')),
    a_log_key_that_was_changed=lambda: in_json(LOG_KEY, quorum=0, cosigners=[r.cosigner("x")]),
    a_log_key_of_another_journal=lambda: with_log_key(vkey=r.vkey("log", "vivavoce/other")),
    another_log_key=lambda: with_log_key(vkey=r.vkey("other")),
    a_log_key_that_is_none=lambda: with_log_key(vkey="x+00000000+AAAA"),
    a_token_promised_and_missing=lambda: with_log_key(timestamps=True),
    a_token_that_nobody_promised=lambda: with_file("data/journal/checkpoint.tst", b"x"),
    a_quorum_that_is_not_met=lambda: with_log_key(cosigners=[r.cosigner("peer")], quorum=1),
    a_quorum_of_more_than_there_are=lambda: with_log_key(quorum=1),
    a_quorum_that_is_true=lambda: with_log_key(quorum=False),
    a_cosigner_twice=lambda: with_log_key(cosigners=[r.cosigner("peer")] * 2),
    a_head_by_another_key=lambda: with_head(lambda _: r.checkpoint(leaves(), "other")),
    a_head_signed_twice=lambda: with_head(signed_twice),
    a_head_with_the_cosigner_first=lambda: with_head(cosigner_first),
    a_head_with_an_extension=lambda: with_head(extended),
    a_head_of_another_journal=lambda: with_head(lambda _: r.checkpoint(leaves(), origin="vivavoce/other")),
    a_head_with_a_leading_zero=lambda: with_head(
        lambda note: re.sub(rb"\n(\d+)\n", rb"\n0\1\n", note, count=1)
    ),
    an_empty_head=lambda: with_head(lambda _: b""),
    a_head_too_long=lambda: with_head(lambda note: note + "— x AAAAAAAA\n".encode() * 9000),
    an_earlier_head_by_another_key=lambda: with_file(EARLIER, r.checkpoint(leaves()[:3], "other")),
    an_earlier_head_of_another_size=lambda: with_file(EARLIER, r.checkpoint(leaves()[:4])),
    a_log_key_seal_by_nobody=lambda: with_file("data/trust/log-key.court.p7s", b"0"),
)


# ... on the tree

LEAVES = "data/journal/leaves.jsonl"
table(
    "tree",
    a_leaf_altered=lambda: with_file(LEAVES, lambda data: data.replace(b"09:00:00.900", b"09:00:00.901")),
    the_last_leaf_dropped=lambda: with_file(LEAVES, lambda data: data[: data[:-1].rindex(b"\n") + 1]),
    two_leaves_swapped=lambda: with_file(
        LEAVES,
        lambda data: b"".join([*(part := data.splitlines(keepends=True))[:7], part[8], part[7], *part[9:]]),
    ),
    a_leaf_added=lambda: with_file(LEAVES, lambda data: data + data.splitlines(keepends=True)[-1]),
    a_blank_line=lambda: with_file(LEAVES, lambda data: data + b"\n"),
    a_line_without_its_end=lambda: with_file(LEAVES, lambda data: data[:-1]),
    another_root_in_the_record=lambda: in_json(RECORD, root="0" * 64),
    another_size_in_the_record=lambda: in_json(RECORD, size=16),
    an_earlier_head_of_another_history=lambda: with_file(EARLIER, r.checkpoint(leaves()[1:4])),
    an_earlier_head_over_more=lambda: with_file(
        "data/journal/checkpoints/99.txt", r.checkpoint([b"%d" % n for n in range(99)])
    ),
    an_empty_journal=lambda: with_file(LEAVES, b""),
)


# ... on the entries


def rewritten(at: int, /, **clear: Any) -> bytes:
    """A leaf with other clear members, hashed and signed as if it were right."""

    def change(number: int, leaf: tree.Leaf) -> tree.Leaf:
        if number != at:
            return leaf
        value = {**json.loads(leaf.data), **clear}
        return tree.Leaf(tree.canonical({n: v for n, v in value.items() if v is not ...}), leaf.disclosures)

    return rebuilt(lambda record: setattr(record, "written", change))


def releafed(seq: int, change: Callable[[tree.Leaf], tree.Leaf]) -> bytes:
    written = lambda number, leaf: change(leaf) if number == seq else leaf  # noqa: E731
    return rebuilt(lambda record: setattr(record, "written", written))


def disclosed_anew(*pairs: tuple[str, Any], salt: str | None = None, decoys: int | None = None) -> tree.Leaf:
    """A `record.off` leaf with exactly these disclosures."""
    own = salt or tree.b64url(bytes(16))
    given = [tree.b64url(tree.canonical([own, name, value])) for name, value in pairs]
    digests = [tree.disclosure_digest(one) for one in given]
    clear = {"v": 1, "hearing": r.URN, "seq": 7, "time": r.stamp(r.OFF), "type": "record.off"}
    listed = tree.concealed(digests) if decoys is None else sorted([*digests, *["A" * 43] * decoys])
    return tree.Leaf(tree.canonical({**clear, "_sd": listed}), tuple(given))


GOOD_OFF = (("stretch", 1), ("reason", "x"), ("by", r.JUDGE))
OFF_NAMES = ("names", ["by", "reason", "stretch"])
DISCLOSURES = "data/journal/disclosures.jsonl"


def undisclosed(seq: int, name: str) -> Callable[[package.Contents], package.Contents]:
    def change(contents: package.Contents) -> package.Contents:
        given = list(contents.disclosures)
        given[seq] = [one for one in given[seq] if tree.read_disclosure(one)[0] != name]
        return replace(contents, disclosures=given)

    return change


def in_rows(change: Callable[[list[Any]], Any]) -> bytes:
    def rows(data: bytes) -> bytes:
        values = r.rows(data)
        change(values)
        return r.unrows(values)

    return with_file(DISCLOSURES, rows)


def forged(rows: list[Any]) -> None:
    salt, name, value = json.loads(base64.urlsafe_b64decode(rows[3]["d"][0] + "==="))
    assert value == "W. Itness"
    rows[3]["d"][0] = tree.b64url(tree.canonical([salt, name, "Somebody else"]))


def borrowed(record: r.Draft) -> None:
    """An entry whose decoys stood in the entry before."""
    before: list[str] = []

    def written(seq: int, leaf: tree.Leaf) -> tree.Leaf:
        value = json.loads(leaf.data)
        if seq == 2:
            own = [tree.disclosure_digest(one) for one in leaf.disclosures]
            value["_sd"] = sorted([*own, *before[: 4 - len(own)]])
        before[:] = value["_sd"]
        return tree.Leaf(tree.canonical(value), leaf.disclosures)

    record.written = written


def padded(leaf: tree.Leaf) -> tree.Leaf:
    value = json.loads(leaf.data)
    return tree.Leaf(
        tree.canonical({**value, "_sd": sorted([*value["_sd"], *tree.concealed([])])}), leaf.disclosures
    )


def without_opening(record: r.Draft) -> None:
    record.said[0].type = "hearing.begun"


table(
    "entries",
    a_gap_in_the_numbers=lambda: rewritten(5, seq=6),
    a_number_that_is_a_text=lambda: rewritten(5, seq="5"),
    a_time_that_goes_back=lambda: rebuilt(lambda record: setattr(record.find("record.on"), "ms", 8_000)),
    a_time_of_microseconds=lambda: rewritten(2, time="2026-03-02T09:00:00.005000Z"),
    a_leap_second=lambda: rewritten(2, time="2026-03-02T08:59:60.000Z"),
    another_zone=lambda: rewritten(2, time="2026-03-02T09:00:00.005+00:00"),
    another_hearing_in_a_leaf=lambda: rewritten(2, hearing=r.URN.replace("6f1c", "6f1d")),
    a_leaf_of_another_version=lambda: rewritten(2, v=2),
    an_unknown_clear_member=lambda: rewritten(2, note="x"),
    a_leaf_without_digests=lambda: rewritten(2, _sd=[]),
    a_type_of_another_form=lambda: rewritten(2, type="Request.Accepted"),
    a_participant_missing=lambda: rewritten(3, participant=...),
    a_participant_where_none_belongs=lambda: rewritten(2, participant=r.JUDGE),
    a_handle_of_another_form=lambda: rewritten(3, participant="WITNESSB"),
    a_leaf_that_is_not_canonical=lambda: releafed(
        2, lambda leaf: tree.Leaf(leaf.data.replace(b'"v":1', b'"v": 1'), leaf.disclosures)
    ),
    a_leaf_that_is_no_object=lambda: releafed(2, lambda leaf: tree.Leaf(b"[]", ())),
    five_digests=lambda: releafed(7, lambda _: disclosed_anew(*GOOD_OFF, OFF_NAMES, decoys=1)),
    a_digest_that_is_none=lambda: rewritten(2, _sd=["!" * 43, *(["z" * 43] * 3)]),
    a_digest_twice=lambda: releafed(7, lambda _: disclosed_anew(*GOOD_OFF, OFF_NAMES, decoys=4)),
    a_disclosure_dropped=lambda: late(undisclosed(3, "name")),
    names_dropped=lambda: late(undisclosed(3, "names")),
    every_disclosure_of_an_entry_dropped=lambda: in_rows(lambda rows: rows.pop(3)),
    names_that_are_not_complete=lambda: releafed(
        7, lambda _: disclosed_anew(("stretch", 1), ("by", r.JUDGE), ("names", ["by", "stretch"]))
    ),
    names_that_leave_out_what_is_given=lambda: releafed(
        7, lambda _: disclosed_anew(*GOOD_OFF, ("more", 1), OFF_NAMES)
    ),
    names_not_sorted=lambda: releafed(
        7, lambda _: disclosed_anew(*GOOD_OFF, ("names", ["stretch", "by", "reason"]))
    ),
    a_member_twice=lambda: releafed(7, lambda _: disclosed_anew(*GOOD_OFF, ("by", "service"), OFF_NAMES)),
    a_short_salt=lambda: releafed(7, lambda _: disclosed_anew(*GOOD_OFF, OFF_NAMES, salt="AAAA")),
    a_disclosure_of_a_clear_name=lambda: releafed(
        7, lambda _: disclosed_anew(*GOOD_OFF, ("seq", 8), ("names", ["by", "reason", "seq", "stretch"]))
    ),
    nested_digests=lambda: releafed(
        7, lambda _: disclosed_anew(("stretch", 1), ("reason", {"_sd": []}), ("by", r.JUDGE), OFF_NAMES)
    ),
    more_padding_than_there_may_be=lambda: releafed(7, padded),
    a_digest_of_another_entry=lambda: rebuilt(borrowed),
    a_forged_disclosure=lambda: in_rows(forged),
    a_disclosure_twice=lambda: in_rows(lambda rows: rows[3]["d"].append(rows[3]["d"][0])),
    a_disclosure_of_another_entry=lambda: in_rows(lambda rows: rows[3]["d"].append(rows[2]["d"][0])),
    disclosures_out_of_order=lambda: in_rows(lambda rows: rows.insert(3, rows.pop(4))),
    a_line_without_disclosures=lambda: in_rows(lambda rows: rows[3].update(d=[])),
    disclosures_behind_the_end=lambda: in_rows(lambda rows: rows.append({"seq": 99, "d": ["x"]})),
    another_member_in_a_line=lambda: in_rows(lambda rows: rows[3].update(x=1)),
    another_first_entry=lambda: rebuilt(without_opening),
    another_second_entry=lambda: rebuilt(lambda record: record.said.insert(1, record.said.pop(2))),
    another_log_key_in_the_first_entry=lambda: rebuilt(
        lambda record: record.said[0].members.update(logKey=r.vkey("other"))
    ),
    the_log_key_redacted=lambda: r.sealed(redacted_contents({0: {"logKey"}}, [])),
    a_sitting_still_open=lambda: rebuilt(
        lambda record: setattr(record.find("sitting.opened"), "type", "hearing.suspended")
    ),
    opened_again_at_the_end=lambda: late_said("sitting.opened", n=2, by=r.JUDGE),
    a_stretch_counted_wrongly=lambda: rebuilt(
        lambda record: record.find("record.on").members.update(stretch=2)
    ),
    on_the_record_twice=lambda: rebuilt(
        lambda record: record.said.insert(6, r.Said(r.ON, "record.on", {**record.find("record.on").members}))
    ),
    off_the_record_twice=lambda: rebuilt(
        lambda record: record.said.insert(
            9, r.Said(r.OFF + 1, "record.off", {**record.find("record.off").members})
        )
    ),
    on_the_record_without_a_sitting=lambda: rebuilt(
        lambda record: record.said.insert(4, r.Said(9_000, "record.on", {**record.find("record.on").members}))
    ),
    in_private_on_the_record=lambda: in_private(r.ON + 10, r.OFF + 20),
    on_the_record_in_private=lambda: in_private(r.ON - 10, r.OFF + 20),
    in_private_twice=lambda: in_private(r.OFF + 5, r.OFF + 6, r.OFF + 5),
    in_private_without_an_end=lambda: in_private(r.OFF + 5, None),
    an_instrument_after_the_opening=lambda: chosen(9_001),
    an_end_of_nothing_private=lambda: in_private(None, r.OFF + 6),
    a_time_moved_that_was_not_fixed=lambda: came_up(("hearing.moved", {**FIXED, "reason": "r"})),
    a_turn_in_no_sitting=lambda: came_up(PLANNED[0], PLANNED[1], TURN),
    a_hearing_postponed_twice=lambda: came_up(PLANNED[0], PLANNED[1], PLANNED[1]),
    a_change_confirmed_that_was_not_made=lambda: came_up(("change.confirmed", {"change": 1, "by": r.JUDGE})),
    a_change_confirmed_twice=lambda: came_up(
        *PLANNED[:3], ("change.confirmed", {"change": -2, "by": r.JUDGE})
    ),
    a_test_moved_that_was_not_arranged=lambda: came_up(TESTS[1]),
    a_test_held_after_it_was_cancelled=lambda: came_up(TESTS[0], ("test.cancelled", TESTED), TESTS[2]),
    a_test_held_twice=lambda: came_up(*TESTS, TESTS[2]),
    a_test_held_of_another=lambda: came_up(TESTS[0], ("test.held", {**TESTS[2][1], "test": "0" * 36})),
    an_order_that_does_not_say_whom=lambda: came_up(
        ("protection.ordered", {**ORDER, "protects": "identity"})
    ),
    an_order_of_somebody_who_never_came=lambda: came_up(
        ("protection.ordered", {**ORDER, "protects": "identity", "whom": "nobodyaa"})
    ),
    an_order_of_an_entry_to_come=lambda: came_up(
        ("protection.ordered", {**ORDER, "protects": "member", "entry": 99, "member": "text"})
    ),
    an_order_lifted_that_was_not_given=lambda: came_up(("protection.lifted", {**LIFTED, "order": 3})),
    an_order_lifted_twice=lambda: came_up(*ORDERED, ("protection.lifted", {**LIFTED, "order": -2})),
    an_order_lifted_of_nothing=lambda: came_up(("protection.lifted", LIFTED)),
    an_order_lifted_of_two=lambda: came_up(
        ORDERED[0], ("protection.lifted", {**LIFTED, "order": -1, "whom": r.WITNESS})
    ),
    a_ruling_without_a_claim=lambda: came_up(("privilege.ruled", {**RULED, "claim": 5})),
    a_second_ruling=lambda: came_up(*INCIDENTS[2:4], ("privilege.ruled", {**RULED, "claim": -2})),
    a_claim_without_a_ruling=lambda: came_up(INCIDENTS[2]),
    a_ruling_before_its_claim=lambda: came_up(("privilege.ruled", {**RULED, "claim": 9}), INCIDENTS[2]),
    a_decision_without_an_objection=lambda: came_up(("objection.decided", {**DECIDED, "objection": 6})),
    an_objection_without_a_decision=lambda: came_up(INCIDENTS[4]),
    a_settlement_without_an_intervention=lambda: came_up(
        ("intervention.settled", {**SETTLED, "intervention": 6})
    ),
    a_settlement_of_a_claim=lambda: came_up(
        INCIDENTS[2], ("intervention.settled", {**SETTLED, "intervention": -1})
    ),
    an_intervention_that_is_settled_twice=lambda: came_up(*INCIDENTS[:2], SETTLED_AGAIN),
    an_intervention_that_is_not_settled=lambda: came_up(INCIDENTS[0]),
    resumed_over_an_intervention=lambda: came_up(INCIDENTS[0], ("hearing.resumed", RESUMED), SETTLED_AGAIN),
    on_the_record_over_an_intervention=lambda: rebuilt(
        incidents(
            INCIDENTS[0],
            ms=r.ON - 500,
            after=incidents(("intervention.settled", {**SETTLED, "intervention": 5})),
        )
    ),
    resumed_although_it_cannot_go_on=lambda: came_up(
        INCIDENTS[0],
        ("intervention.settled", {**SETTLED, "continues": False}),
        ("hearing.resumed", RESUMED),
    ),
    resumed_with_who_was_lost=lambda: came_up(("hearing.suspended", LOST), ("hearing.resumed", RESUMED)),
    resumed_with_somebody_else_identified=lambda: came_up(
        ("hearing.suspended", {**LOST, "lost": [r.WITNESS, r.JUDGE]}),
        ("identity.renewed", SEEN_AGAIN),
        ("hearing.resumed", RESUMED),
    ),
    who_was_lost_is_not_a_list=lambda: came_up(("hearing.suspended", {**LOST, "lost": r.WITNESS})),
    admitted_although_nobody_identified_them=lambda: rebuilt(
        incidents(
            ("hearing.suspended", LOST),
            ("participant.dismissed", {}),
            ("hearing.resumed", RESUMED),
            ms=r.ON - 500,
            after=lambda record: record.said.insert(
                1 + record.said.index(record.find("record.on")),
                r.Said(r.ON, "participant.admitted", {"by": r.JUDGE}, r.WITNESS),
            ),
        )
    ),
    an_answer_that_was_bent=lambda: consented(bent={"answer": "no"}),
    an_answer_signed_by_another=lambda: consented(bent={"key": Signer().key}),
    an_answer_with_half_a_signature=lambda: consented(bent={"key": None}),
    an_answer_without_a_signature=lambda: consented(bent={"key": None, "signature": None}),
    an_answer_on_no_paper=lambda: consented(bent={"key": None, "signature": None, "method": "paper"}),
    an_answer_that_nobody_heard=lambda: consented(bent={"key": None, "signature": None, "method": "spoken"}),
    an_answer_given_in_no_way=lambda: consented(said={"method": "telepathy"}),
    a_signature_on_what_was_spoken=lambda: consented(said={"method": "spoken", "witnessed": r.JUDGE}),
    an_answer_before_its_question=lambda: consented(order=("declared", "asked")),
    an_answer_to_another_question=lambda: consented(said={"what": "recording"}),
    an_answer_to_another_text=lambda: consented(said={"sha256": "0" * 64}),
    an_answer_to_another_time=lambda: consented(said={"asked": r.stamp(1)}),
    an_answer_to_a_text_of_another_version=lambda: consented(said={"version": "2"}),
    a_sample_passed_off_as_approved=lambda: consented(said={"sample": False}),
    other_words_than_those_of_the_digest=lambda: consented(asked={"words": "Other words\n"}),
    taken_back_without_an_answer=lambda: consented(order=("asked",), back=5_000),
    taken_back_twice=lambda: consented(back=5_000, again=True),
    taken_back_on_the_record_and_going_on=lambda: consented(back=r.ON + 4200, suspends=False),
    taken_back_by_another=lambda: consented(back=5_000, whose="judgeaaa"),
    withheld_that_lacks_nothing=lambda: in_json(RECORD, kind="redacted", withheld=[{"seq": 3, **WITHHELD}]),
    withheld_behind_the_end=lambda: in_json(RECORD, kind="redacted", withheld=[{"seq": 99, **WITHHELD}]),
    withheld_by_another_number=lambda: r.sealed(
        replace(redacted_contents({3: {"name"}}, []), withheld=[package.Withheld("g", "d", seq=2)])
    ),
)


SETTLED = {"intervention": -1, "continues": True, "words": "The question is withdrawn.", "by": r.JUDGE}
RULED = {"claim": -1, "outcome": "upheld", "reason": "Article 80.", "by": r.JUDGE}
DECIDED = {"objection": -1, "remedy": "none", "words": "It was right.", "by": r.JUDGE}
RESUMED = {"repeated": "Nothing was lost.", "by": r.JUDGE}
LOST = {"reason": "The connection was lost.", "lost": [r.WITNESS], "by": "service"}
SEEN_AGAIN = {"means": "By sight.", "by": r.JUDGE}
SETTLED_AGAIN = ("intervention.settled", {**SETTLED, "intervention": -2})
INCIDENTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("intervention.made", {"ground": "g", "measure": "m", "suspends": True, "by": r.JUDGE}),
    ("intervention.settled", SETTLED),
    ("privilege.claimed", {"law": "both", "by": r.WITNESS}),
    ("privilege.ruled", RULED),
    ("objection.raised", {"words": "w", "by": r.WITNESS}),
    ("objection.decided", DECIDED),
    ("hearing.suspended", LOST),
    ("identity.renewed", SEEN_AGAIN),
    ("hearing.resumed", RESUMED),
    ("intervention.made", {"ground": "h", "measure": "m", "suspends": False, "by": r.JUDGE}),
    ("intervention.settled", {**SETTLED, "continues": False}),
    SETTLED_AGAIN,
)


FIXED = {
    "start": "2026-11-24T09:00:00.000Z",
    "minutes": 60,
    "zone": "Europe/Lisbon",
    "other": "Europe/Amsterdam",
    "by": r.JUDGE,
    "confirmed": [r.JUDGE],
}
TURN = (
    "turn.set",
    {"sitting": 1, "start": FIXED["start"], "minutes": 30, "by": r.JUDGE},
)
PLANNED = (
    ("hearing.scheduled", FIXED),
    ("hearing.postponed", {"code": "other", "reason": "r", "by": r.JUDGE}),
    ("change.confirmed", {"change": -1, "by": r.JUDGE}),
    ("hearing.scheduled", FIXED),
    ("hearing.moved", {**FIXED, "reason": "r"}),
)
ORDER = {"versions": ["public"], "ground": "g", "by": r.JUDGE}
LIFTED = {"ground": "g", "by": r.JUDGE}
ORDERED = (
    ("protection.ordered", {**ORDER, "protects": "identity", "whom": r.WITNESS}),
    ("protection.lifted", {**LIFTED, "order": -1}),
)
TESTED = {"test": "6f1c9f0e-8a52-4c1f-9d0a-2f1f2e5f0a11", "place": "Room 2"}
ARRANGED = {**TESTED, "start": "2026-11-24T09:00:00.000Z", "minutes": 20, "zone": "Europe/Lisbon"}
TESTS = (
    ("test.arranged", ARRANGED),
    ("test.moved", ARRANGED),
    ("test.held", {**TESTED, "good": True, "heard": True, "seconds": 240}),
)


def incidents(
    *told: tuple[str, dict[str, Any]],
    ms: int = r.OFF + 2,
    after: r.Change = lambda record: None,
) -> r.Change:
    """Puts these at this moment. A number that is negative names the entry so many before its own."""

    def change(record: r.Draft) -> None:
        at = next((n for n, one in enumerate(record.said) if one.ms > ms), len(record.said))
        for n, (kind, members) in enumerate(told, at):
            counted = {
                name: n + value if type(value) is int and value < 0 else value
                for name, value in members.items()
            }
            about = r.WITNESS if KINDS[kind].about_someone() else None
            by = {} if "by" in members else {"by": r.JUDGE}
            record.said.insert(n, r.Said(ms, kind, {**counted, **by}, about))
        after(record)

    return change


def came_up(*told: tuple[str, dict[str, Any]]) -> bytes:
    """A record in which this happened after it went off the record."""
    return rebuilt(incidents(*told))


def in_private(begun: int | None, ended: int | None, *again: int) -> bytes:
    """A record with a private consultation that begins and ends at these times."""
    return r.sealed(r.draft(lambda record: consult(record, begun, ended, *again)).contents())


def chosen(ms: int) -> bytes:
    """A record in which the instrument is chosen at this time."""
    return r.sealed(r.draft(lambda record: choose(record, ms)).contents())


def choose(record: r.Draft, ms: int) -> None:
    members = {
        "instrument": "eio",
        "title": "Directive 2014/41/EU",
        "aim": "evidence",
        "finding": "found",
        "found": "eio",
        "reasons": [],
        "alternatives": [],
        "by": "service",
    }
    record.said = sorted([*record.said, r.Said(ms, "instrument.chosen", members)], key=lambda one: one.ms)


def consult(record: r.Draft, begun: int | None, ended: int | None, *again: int) -> None:
    said = [
        r.Said(ms, "consultation.begun", {"people": [r.WITNESS], "left": [], "by": r.JUDGE})
        for ms in (begun, *again)
        if ms is not None
    ]
    if ended is not None:
        said.append(r.Said(ended, "consultation.ended", {"by": r.JUDGE}))
    record.said = sorted([*record.said, *said], key=lambda one: one.ms)


WORDS = "Being heard by video\nYou decide.\nDo you agree?\nYes\nNo\n"
SIGNER = Signer()


def consented(**how: Any) -> bytes:
    return r.sealed(r.draft(lambda record: consent(record, **how)).contents())


def consent(
    record: r.Draft,
    *,
    order: tuple[str, ...] = ("asked", "declared"),
    asked: dict[str, Any] | None = None,
    said: dict[str, Any] | None = None,
    bent: dict[str, Any] | None = None,
    back: int | None = None,
    suspends: bool = True,
    again: bool = False,
    whose: str = r.WITNESS,
) -> None:
    """A question at 2 s and its answer; `bent`: what is changed after signing; `back`: when it was taken back."""
    text = {"text": "video", "version": "1", "language": "en", "sample": True}
    text["sha256"] = hashlib.sha256(WORDS.encode()).hexdigest()
    at = {name: 2_000 + 1_000 * n for n, name in enumerate(order)}
    answer = {
        "what": "video",
        "answer": "yes",
        "asked": r.stamp(at["asked"]),
        **text,
        "method": "browser",
        "advised": "had",
    }
    answer |= {"by": r.WITNESS, **(said or {})}
    signed = answers.signed(r.URN, r.WITNESS, answer)
    answer = {"key": SIGNER.key, "signature": SIGNER.sign(signed), **answer, **(bent or {})}
    members = {
        "asked": {"what": "video", **text, "words": WORDS, "by": r.JUDGE, **(asked or {})},
        "declared": {name: value for name, value in answer.items() if value is not None},
    }
    added = [r.Said(ms, f"consent.{name}", members[name], r.WITNESS) for name, ms in at.items()]
    if back is not None:
        taken = r.Said(back, "consent.revoked", {"what": "video", "by": r.WITNESS}, whose)
        added += [taken, replace(taken)] if again else [taken]
        if r.ON < back < r.OFF and suspends:
            added.append(r.Said(back, "hearing.suspended", {"reason": "x", "by": r.WITNESS}))
    record.said = sorted([*record.said, *added], key=lambda one: one.ms)


def late_said(kind: str, **members: Any) -> bytes:
    record = r.draft()
    record.say(r.OFF + 2000, kind, **members)
    return r.sealed(record.contents())


# ... on the recordings

A_PCAP, A_INDEX = f"data/media/{r.AUDIO}-1.pcapng", f"data/media/{r.AUDIO}-1.index.jsonl"


def audio(change: Callable[[list[r.Segment]], Any], *, progress: bool = False) -> bytes:
    """Another sound track, sealed properly; without progress, which would give it away first."""

    def altered(record: r.Draft) -> None:
        change(record.tracks[r.AUDIO])
        if not progress:
            record.find("media.progress").members["tracks"].pop(0)

    return rebuilt(altered)


def indexed(change: Callable[[list[Any]], Any]) -> bytes:
    """Another index beside the same file, sealed properly."""

    def altered(record: r.Draft) -> None:
        values = r.rows(r.index(record.tracks[r.AUDIO]))
        change(values)
        record.files[A_INDEX] = r.unrows(values)

    return rebuilt(altered)


def opening(data: bytes) -> Callable[[list[r.Segment]], None]:
    def change(segments: list[r.Segment]) -> None:
        segments[0].data = data + segments[0].data.removeprefix(r.SECTION + r.interface())

    return change


def border_off_a_block(segments: list[r.Segment]) -> None:
    segments[0].data, segments[1].data = segments[0].data + segments[1].data[:8], segments[1].data[8:]


def appended(index: int, data: bytes) -> Callable[[list[r.Segment]], None]:
    def change(segments: list[r.Segment]) -> None:
        segments[index].data += data

    return change


def progress_said(**members: Any) -> bytes:
    return rebuilt(lambda record: record.find("media.progress").members["tracks"][0].update(members))


def without_file(path: str) -> Callable[[package.Contents], package.Contents]:
    return lambda contents: replace(contents, media={p: d for p, d in contents.media.items() if p != path})


NAME_RESOLUTION = struct.pack("<IIII", 4, 16, 0, 16)
NANOSECONDS = struct.pack("<IIHHIHHBxxxHHI", 1, 32, 228, 0, 0, 9, 1, 9, 0, 0, 32)

table(
    "files",
    a_recording_that_nothing_sealed=lambda: late(
        lambda contents: replace(contents, media={**contents.media, f"data/media/{r.AUDIO}-2.webm": b"x"})
    ),
    minutes_that_nothing_sealed=lambda: late(
        lambda contents: replace(contents, minutes={**contents.minutes, "data/minutes/requesting.pdf": b"x"})
    ),
    a_recording_missing=lambda: late(without_file(A_PCAP)),
    an_index_missing=lambda: late(without_file(A_INDEX)),
    a_recording_exchanged=lambda: with_file(A_PCAP, files()[f"data/media/{r.VIDEO}-1.pcapng"]),
    minutes_exchanged=lambda: with_file(
        "data/minutes/requested.pdf", r.sealed_pdf(r.court(), 20_000, "other")
    ),
    sealed_twice=lambda: late_said("media.sealed", path=A_PCAP, sha256="0" * 64),
    sealed_by_the_wrong_kind=lambda: late_said(
        "media.sealed", path="data/minutes/x.public.pdf", sha256="0" * 64
    ),
    sealed_and_never_there=lambda: late_said("media.sealed", path="data/media/x", sha256="0" * 64),
    sealed_by_what_is_no_digest=lambda: late_said("media.sealed", path="data/media/x", sha256="0"),
    withheld_and_there=lambda: in_json(RECORD, kind="redacted", withheld=[{"path": A_PCAP, **WITHHELD}]),
    withheld_and_never_sealed=lambda: in_json(
        RECORD, kind="redacted", withheld=[{"path": "data/media/x", **WITHHELD}]
    ),
    the_recording_withheld_without_its_index=lambda: r.sealed(redacted_contents({}, [A_PCAP])),
    progress_of_another_digest=lambda: progress_said(sha256="0" * 64),
    progress_of_another_length=lambda: progress_said(len=1),
    progress_of_more_segments=lambda: progress_said(n=4),
    progress_of_a_negative_number=lambda: progress_said(n=-1),
    progress_of_another_track=lambda: progress_said(track=f"{r.JUDGE}-audio"),
    progress_of_more_than_is_left=lambda: rebuilt(lost_from_disk()),
    a_loss_that_is_too_small=lambda: rebuilt(lost_from_disk((0, 1), keep=0)),
    a_loss_of_what_is_there=lambda: rebuilt(lost_from_disk((2, 1), keep=1)),
    a_loss_of_nothing=lambda: rebuilt(lost_from_disk((1, 0))),
    a_loss_of_another_stretch=lambda: late_said(
        "media.lost", track=r.AUDIO, stretch=2, first=0, n=1, **{"from": r.stamp(r.ON), "to": r.stamp(r.OFF)}
    ),
    progress_twice=lambda: rebuilt(
        lambda record: (said := record.find("media.progress").members["tracks"]).append(said[0])
    ),
    a_segment_border_off_a_block=lambda: audio(border_off_a_block),
    a_packet_after_its_segment=lambda: audio(appended(1, r.packet(r.ON + 4000))),
    a_packet_before_its_segment=lambda: audio(appended(1, r.packet(r.ON + 1999.999))),
    a_real_address=lambda: audio(appended(1, r.packet(r.ON + 3000, source=b"\x08\x08\x08\x08"))),
    two_sections=lambda: audio(appended(1, r.SECTION)),
    a_second_section_at_a_border=lambda: audio(
        lambda all_: setattr(all_[1], "data", r.SECTION + all_[1].data)
    ),
    another_block=lambda: audio(appended(0, NAME_RESOLUTION)),
    an_interface_after_packets=lambda: audio(appended(0, r.interface())),
    ethernet=lambda: audio(opening(r.SECTION + r.interface(1))),
    nanoseconds=lambda: audio(opening(r.SECTION + NANOSECONDS)),
    no_interface=lambda: audio(opening(r.SECTION)),
    no_section=lambda: audio(opening(r.interface())),
    half_a_block=lambda: audio(appended(2, r.packet(r.ON + 5000)[:-4])),
    rubbish_for_a_recording=lambda: audio(lambda all_: setattr(all_[0], "data", b"rubbish")),
    a_segment_of_another_digest=lambda: indexed(lambda rows: rows[1].update(sha256="0" * 64)),
    a_segment_with_another_number=lambda: indexed(lambda rows: rows[1].update(seg=2)),
    a_hole_between_segments=lambda: indexed(lambda rows: rows[1].update(off=rows[1]["off"] + 4)),
    segments_that_stop_early=lambda: indexed(lambda rows: rows.pop()),
    a_segment_of_negative_length=lambda: indexed(lambda rows: rows[2].update(len=-4)),
    a_segment_beyond_all_limits=lambda: indexed(lambda rows: rows[2].update(len=2**40)),
    an_unknown_member_of_the_index=lambda: indexed(lambda rows: rows[0].update(x=1)),
    a_time_of_seconds_in_the_index=lambda: indexed(lambda rows: rows[0].update(t0="2026-03-02T09:00:10Z")),
    an_empty_index=lambda: indexed(lambda rows: rows.clear()),
    a_gap_without_a_reason=lambda: rebuilt(
        lambda record: record.find("media.gap").members.update(reason=" ")
    ),
    a_track_twice=lambda: rebuilt(lambda record: record.find("record.on").members["tracks"].append(r.AUDIO)),
)


# ... on the account of time


def gap(nth: int, **members: str) -> bytes:
    return rebuilt(lambda record: record.find("media.gap", nth).members.update(members))


def cut(index: int, **times: int) -> bytes:
    return audio(lambda segments: [setattr(segments[index], name, ms) for name, ms in times.items()])


def merged(segments: list[r.Segment]) -> None:
    segments[1].data += segments.pop(2).data
    segments[1].until = r.OFF


table(
    "time",
    a_gap_one_millisecond_too_short=lambda: gap(0, to=r.stamp(r.ON + 999)),
    a_gap_one_millisecond_too_long=lambda: gap(0, to=r.stamp(r.ON + 1001)),
    a_gap_one_millisecond_late=lambda: gap(0, **{"from": r.stamp(r.ON + 1)}),
    a_gap_that_runs_backwards=lambda: gap(1, to=r.stamp(r.ON + 3400)),
    a_gap_before_the_record=lambda: gap(0, **{"from": r.stamp(r.ON - 1)}),
    a_gap_of_an_unknown_track=lambda: gap(0, track=f"{r.JUDGE}-audio"),
    no_gap=lambda: rebuilt(lambda record: record.said.remove(record.find("media.gap"))),
    a_gap_of_no_length=lambda: rebuilt(
        lambda record: record.say(
            r.OFF + 2, "media.gap", track=r.AUDIO, reason="x", **{"from": r.stamp(r.ON), "to": r.stamp(r.ON)}
        )
    ),
    a_gap_over_what_was_kept=lambda: rebuilt(
        lambda record: record.say(
            r.OFF + 2,
            "media.gap",
            track=r.AUDIO,
            reason="x",
            **{"from": r.stamp(r.ON), "to": r.stamp(r.ON + 5)},
        )
    ),
    segments_that_overlap_by_a_millisecond=lambda: cut(1, since=r.ON + 1999),
    a_hole_of_a_millisecond_between_segments=lambda: audio(
        lambda segments: [
            setattr(segments[1], "since", r.ON + 2001),
            setattr(segments[1], "data", r.packet(r.ON + 2500)),
        ]
    ),
    the_last_segment_ends_early=lambda: audio(
        lambda all_: [setattr(all_[2], "until", r.OFF - 1), setattr(all_[2], "data", r.packet(r.ON + 5000))]
    ),
    the_last_segment_ends_late=lambda: cut(2, until=r.OFF + 1),
    a_segment_of_more_than_two_seconds=lambda: audio(merged),
    a_short_segment_before_another=lambda: audio(
        lambda all_: [
            setattr(all_[0], "until", r.ON + 1900),
            setattr(all_[0], "data", r.SECTION + r.interface() + r.packet(r.ON)),
            setattr(all_[1], "since", r.ON + 1900),
            setattr(all_[1], "until", r.ON + 3900),
            setattr(all_[1], "data", r.packet(r.ON + 2500)),
            setattr(all_[2], "since", r.ON + 3900),
        ]
    ),
    a_track_that_never_was_on_the_record=lambda: rebuilt(
        lambda record: [
            record.find("record.on").members["tracks"].remove(r.AUDIO),
            record.find("media.progress").members["tracks"].pop(0),
        ]
    ),
    a_track_that_is_not_there=lambda: rebuilt(
        lambda record: record.find("record.on").members["tracks"].append(f"{r.JUDGE}-audio")
    ),
    a_stretch_that_never_was=lambda: rebuilt(
        lambda record: [
            record.files.__setitem__(f"data/media/{r.AUDIO}-2.pcapng", r.joined(record.tracks[r.AUDIO])),
            record.files.__setitem__(f"data/media/{r.AUDIO}-2.index.jsonl", r.index(record.tracks[r.AUDIO])),
        ]
    ),
)


# ... on the minutes


def around_the_signing(*kinds: str, after: str) -> bytes:
    """Entries of these kinds about the minutes, after the one that signs or that seals them."""

    def change(record: r.Draft) -> None:
        members = {
            "minutes.worded": {"entry": 9, "language": "en", "old": "He came.", "words": "He was there."},
            "minutes.read": {"language": "en", "aloud": True, "said": "right", "sha256": "0" * 64},
            "minutes.omitted": {"requirement": "figures", "words": "No figures.", "reason": "None came."},
            "minutes.signed": {"signed": "here", "sha256": "0" * 64},
        }
        for kind in kinds:
            at = next(n for n, one in enumerate(record.said) if one.type == after) + 1
            told = {"whose": "requested", "by": r.JUDGE, **members[kind]}
            person = r.WITNESS if kind == "minutes.read" else None
            record.said.insert(at, r.Said(record.said[at - 1].ms, kind, told, person))

    return drafted(change)


def drafted(change: r.Change) -> bytes:
    """A record that was changed after it was drawn up, and is sealed properly."""
    record = r.draft()
    change(record)
    return r.sealed(record.contents())


def nobody_signed(record: r.Draft) -> None:
    record.said = [one for one in record.said if one.type != "minutes.signed"]


def another_document_was_signed(record: r.Draft) -> None:
    record.find("minutes.signed").members["whose"] = "requesting"


table(
    "entries",
    minutes_that_nobody_signed=lambda: drafted(nobody_signed),
    minutes_sealed_for_another_document=lambda: drafted(another_document_was_signed),
    minutes_worded_between_signing_and_sealing=lambda: around_the_signing(
        "minutes.worded", after="minutes.signed"
    ),
    minutes_worded_after_sealing=lambda: around_the_signing("minutes.worded", after="minutes.sealed"),
    minutes_remarked_on_after_sealing=lambda: around_the_signing("minutes.read", after="minutes.sealed"),
    minutes_excused_after_sealing=lambda: around_the_signing("minutes.omitted", after="minutes.sealed"),
    minutes_signed_after_sealing=lambda: around_the_signing("minutes.signed", after="minutes.sealed"),
)


def with_pdf(data: Callable[[bytes], bytes]) -> bytes:
    """Other minutes, and an entry that seals them."""
    record = r.draft()
    path = "data/minutes/requested.pdf"
    record.files[path] = data(record.files[path])
    record.find("minutes.sealed").members["sha256"] = hashlib.sha256(record.files[path]).hexdigest()
    return r.sealed(record.contents())


table(
    "minutes",
    minutes_updated_after_sealing=lambda: with_pdf(r.updated_pdf),
    minutes_changed=lambda: with_pdf(lambda pdf: pdf.replace(b"(minutes)", b"(minuten)")),
    minutes_without_a_seal=lambda: with_pdf(lambda pdf: pdf.replace(b"/Fields[4 0 R]", b"/Fields[     ]")),
    minutes_that_are_no_pdf=lambda: with_pdf(lambda _: b"the minutes"),
    empty_minutes=lambda: with_pdf(lambda _: b""),
    minutes_sealed_by_another=lambda: with_pdf(lambda _: r.sealed_pdf(r.court("Nobody"), 20_000)),
    minutes_sealed_in_the_future=lambda: with_pdf(lambda _: r.sealed_pdf(r.court(), 90_000_000)),
    minutes_with_bytes_behind=lambda: with_pdf(lambda pdf: pdf + b"more\n"),
)


# ... on the seals


def revoked() -> bytes:
    """A revocation list of the court's authority, which kept its key."""
    authority = ec.generate_private_key(ec.SECP256R1())
    return _crl(r.court().root.subject, authority)


def _crl(issuer: x509.Name, key: ec.EllipticCurvePrivateKey, *, serial: int | None = None) -> bytes:
    entry = (
        x509.RevokedCertificateBuilder()
        .serial_number(serial or r.court().certificate.serial_number)
        .revocation_date(r.START)
        .build()
    )
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer).last_update(r.START)
    crl = builder.next_update(r.NOW).add_revoked_certificate(entry).sign(key, hashes.SHA256())
    return crl.public_bytes(Encoding.DER)


def sealed_at(ms: int, **more: Any) -> bytes:
    return r.sealed(r.draft().contents(), ms=ms, **more)


def by_head_seal(seal: seals.CourtSeal, ms: int = 3_600_000) -> bytes:
    note = files()["data/journal/checkpoint.txt"]
    return with_file("data/journal/checkpoint.court.p7s", seal.sign(note, r.at(ms)))


table(
    "seals",
    everything_sealed_by_another_court=lambda: sealed_at(3_600_000, seal=r.court("Nobody")),
    the_container_sealed_by_another=lambda: r.repacked(files(), seal=r.court("Nobody")),
    the_head_sealed_by_another=lambda: by_head_seal(r.court("Nobody")),
    sealed_before_the_last_entry=lambda: sealed_at(15_000),
    the_head_sealed_before_the_last_entry=lambda: by_head_seal(r.court(), 15_000),
    the_container_sealed_before_the_last_entry=lambda: r.repacked(files(), ms=15_000),
    sealed_in_the_future=lambda: sealed_at(7_200_000 + 301_000),
    a_certificate_not_valid_yet=lambda: sealed_at(-90_100_000),
    a_certificate_that_has_expired=lambda: sealed_at(20 * 365 * 86_400_000),
    a_redacted_record_released_by_nobody=lambda: r.sealed(redacted_contents(), seal=r.court("Nobody")),
)


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    with in_node(tmp_path_factory.mktemp("verifier")) as asked:
        yield asked


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused_by_its_check(name: str, tmp_path: Path, ask: Ask) -> None:
    check, make = ATTACKS[name]
    verdict = judged(tmp_path, make(), trust=TRUST())
    refused = refusals(verdict)
    assert not verdict.accepted
    assert next(iter(refused), None) == check, refused
    assert verdict.sentence == f"Refused ({check}): {refused[check]}"
    assert refused[check].endswith(".")
    assert "This cannot be read" not in refused[check]
    in_browser(verdict, check, tmp_path, ask)


def in_browser(verdict: Verdict, check: str, folder: Path, ask: Ask) -> None:
    """The verifier for the browser gives the same, but for what it says that it leaves."""
    (folder / "trust.json").write_bytes(TRUST())
    paths = (str(folder / name).encode() for name in ("record.asice", "trust.json"))
    told = ask("verify", *paths, int(r.NOW.timestamp() * 1000))
    theirs = dict(told["checks"])
    if told["accepted"]:
        assert theirs[check] in ("part", "left")
        SEEN[check].append(False)
        return
    SEEN[check].append(True)
    ours = {one.name: str(one.outcome) for one in verdict.checks}
    assert {
        name: {"part": "ok"}.get(theirs[name], theirs[name]) for name in ours if theirs[name] != "left"
    } == {name: outcome for name, outcome in ours.items() if theirs[name] != "left"}


SEEN: dict[str, list[bool]] = defaultdict(list)
"""Of the attacks on each check, whether the verifier for the browser sees them."""


def test_what_the_browser_leaves_is_little() -> None:
    for check, seen in SEEN.items():
        assert check in ("container", "log", "seals", "minutes") or all(seen)
    if len(SEEN["log"]) > 30:  # all attacks were run
        assert sum(SEEN["container"]) >= 13
        assert sum(SEEN["log"]) >= len(SEEN["log"]) - 2


def test_there_are_many_attacks() -> None:
    assert len(ATTACKS) >= 60


# --- what comes from outside -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trust", "reason"),
    [
        (b"", "not JSON"),
        (b"[]", "version 1"),
        (b'{"v":1}', "neither a court nor a log key"),
        (b'{"v":1,"more":1}', "does not know"),
        (b'{"v":1,"v":1}', "twice"),
        (b'{"v":1,"courts":[1]}', "members"),
        (b'{"v":1,"courts":[{"cert":"x","roles":["seal"]}]}', "certificate"),
        (b'{"v":1,"logKeys":["x"]}', "log key"),
        (b'{"v":1,"logKeys":{}}', "list"),
        (b"[" * 100_000, "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"1" * 10_000, "not JSON"),
    ],
)
def test_a_trust_file_that_is_none_is_refused(trust: bytes, reason: str, tmp_path: Path) -> None:
    verdict = judged(tmp_path, r.good(), trust=trust)
    assert not verdict.accepted
    assert reason in refusals(verdict)["trust"]


def test_roles_and_organisations_are_held_to(tmp_path: Path) -> None:
    def asked(**entry: Any) -> dict[str, str]:
        return refusals(judged(tmp_path, r.good(), trust=json.dumps({"v": 1, "courts": [entry]}).encode()))

    own = r.court().certificate.public_bytes(Encoding.PEM).decode()
    root = r.court().root.public_bytes(Encoding.PEM).decode()
    assert "does not list" in asked(cert=own, roles=["release"])["seals"]
    assert "role" in asked(cert=own, roles=["seal", "judge"])["trust"]
    assert "role" in asked(cert=own, roles=[])["trust"]
    assert "organizationIdentifier" in asked(cert=root, roles=["seal"])["trust"]
    assert "organizationIdentifier" in asked(cert=own, roles=["seal"], organizationIdentifier="x")["trust"]
    assert "does not list" in asked(cert=root, roles=["seal"], organizationIdentifier="NTRXX-0")["seals"]


def test_the_container_of_a_full_record_is_sealed_by_who_sealed_the_head(tmp_path: Path) -> None:
    other = r.court("Prosecutor General")
    trust = json.loads(TRUST())
    pem = other.certificate.public_bytes(Encoding.PEM).decode()
    trust["courts"].append({"cert": pem, "roles": ["seal", "release"]})
    verdict = judged(tmp_path, r.repacked(files(), seal=other), trust=json.dumps(trust).encode())
    assert "by another than sealed the head" in refusals(verdict)["seals"]


def test_a_log_key_that_is_not_listed_is_refused(tmp_path: Path) -> None:
    verdict = judged(tmp_path, r.good(), trust=TRUST(log_keys=[r.vkey("other")]))
    assert "not among them" in refusals(verdict)["seals"]


@pytest.mark.parametrize(
    ("head", "check"),
    [
        (lambda: r.checkpoint([*leaves()[:2], b"other"]), "tree"),
        (lambda: r.checkpoint([*leaves(), b"more"]), "tree"),
        (lambda: r.checkpoint(leaves(), "other"), "tree"),
        (lambda: r.checkpoint(leaves(), origin="vivavoce/other"), "tree"),
        (lambda: b"", "head"),
        (lambda: b"\xff" * 100, "head"),
        (lambda: b"x" * 70_000, "head"),
    ],
)
def test_a_kept_head_that_is_no_prefix_is_refused(
    head: Callable[[], bytes], check: str, tmp_path: Path
) -> None:
    verdict = judged(tmp_path, r.good(), head=head())
    assert next(iter(refusals(verdict))) == check
    if check == "tree":
        try:
            data = TRUST(heads=[head()])
        except UnicodeError:
            return
        other = b"other" in head().split(b"\n")[0]
        assert judged(tmp_path, r.good(), trust=data).accepted == other


def test_without_a_trust_file_the_root_in_the_package_counts(tmp_path: Path) -> None:
    nobody = r.court("Nobody").root.public_bytes(Encoding.PEM)
    data = with_file("data/trust/certs/root.pem", nobody)
    assert "seals" in refusals(judged(tmp_path, data))
    assert accepted(judged(tmp_path, data, trust=TRUST()))


def revocation(seal: seals.CourtSeal, folder: Path, *, when: datetime, serial: int) -> bytes:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key: Any = load_pem_private_key((folder / "root-key.pem").read_bytes(), None)
    entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(when).build()
    builder = x509.CertificateRevocationListBuilder().issuer_name(seal.root.subject)
    builder = builder.last_update(when).next_update(r.NOW + timedelta(days=9)).add_revoked_certificate(entry)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def test_a_certificate_revoked_when_it_was_used_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "seal"
    seal = seals.found(folder, court="C", organisation_identifier="NTRXX-1", at=r.START - timedelta(days=1))
    serial = seal.certificate.serial_number
    trust = package.trust(seal)

    def asked(crl: bytes) -> Verdict:
        contents = r.draft(
            lambda record: setattr(record, "late", lambda c: replace(c, minutes={}, crls=[crl]))
        )
        contents.said = [one for one in contents.said if one.type != "minutes.sealed"]
        return judged(tmp_path, r.sealed(contents.contents(), seal=seal), trust=trust)

    assert "revoked" in refusals(asked(revocation(seal, folder, when=r.START, serial=serial)))["seals"]
    assert accepted(asked(revocation(seal, folder, when=r.START + timedelta(days=2), serial=serial)))
    assert accepted(asked(revocation(seal, folder, when=r.START, serial=serial + 1)))
    assert "cannot be read" in refusals(asked(b"rubbish"))["seals"]
    forged = _crl(seal.root.subject, ec.generate_private_key(ec.SECP256R1()), serial=serial)
    assert accepted(asked(forged))  # nobody known has signed it


def test_a_quorum_of_cosigners(tmp_path: Path) -> None:
    def asked(*ms: int, forge: bool = False) -> Verdict:
        def late(contents: package.Contents) -> package.Contents:
            note = contents.checkpoint
            for number, at in enumerate(ms):
                note = r.cosigned(note, f"peer{number}", at)
            if forge:
                head, _, line = note.rstrip(b"\n").rpartition(b" ")
                raw = bytearray(base64.b64decode(line))
                raw[-1] ^= 1
                note = head + b" " + base64.b64encode(bytes(raw)) + b"\n"
            keys = [r.cosigner("peer0"), r.cosigner("peer1")]
            return replace(contents, checkpoint=note, cosigners=keys, quorum=1)

        record = r.draft(lambda record: setattr(record, "late", late))
        return judged(tmp_path, r.sealed(record.contents()), trust=TRUST())

    assert accepted(asked(60_000))
    assert accepted(asked(60_000, 61_000))
    assert "of the cosignatures" in refusals(asked())["log"]
    assert "does not hold" in refusals(asked(60_000, forge=True))["log"]
    assert "older" in refusals(asked(-400_000))["seals"]
    assert "future" in refusals(asked(7_200_000 + 302_000))["seals"]


def test_the_quorum_of_the_trust_file_goes_before_that_of_the_package(tmp_path: Path) -> None:
    trust = TRUST(cosigners=[r.cosigner("peer")], quorum=1)
    assert "cosignatures" in refusals(judged(tmp_path, r.good(), trust=trust))["log"]


def test_the_other_authority_seals_its_minutes_under_a_root_of_its_own(tmp_path: Path) -> None:
    other = r.court("Court abroad")
    pem = other.root.public_bytes(Encoding.PEM)
    record = r.draft()
    path = "data/minutes/requested.pdf"
    record.files[path] = r.sealed_pdf(other, 20_000)
    record.find("minutes.sealed").members["sha256"] = hashlib.sha256(record.files[path]).hexdigest()
    record.late = lambda contents: replace(contents, certificates=[pem])
    data = r.sealed(record.contents())
    assert accepted(judged(tmp_path, data))
    assert "does not list" in refusals(judged(tmp_path, data, trust=TRUST()))["minutes"]
    trust = json.loads(TRUST())
    trust["courts"].append({"cert": other.certificate.public_bytes(Encoding.PEM).decode(), "roles": ["seal"]})
    assert accepted(judged(tmp_path, data, trust=json.dumps(trust).encode()))


# --- timestamps --------------------------------------------------------------------------------

TSA = """[tsa]
default_tsa = one
[one]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
[ext]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
[req]
distinguished_name = dn
[dn]
"""


def openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def authority(tmp_path: Path) -> Callable[[bytes], bytes]:
    """A time-stamp authority of OpenSSL: gives the bare token over some bytes, at the present time."""
    folder = tmp_path / "tsa"
    folder.mkdir()
    (folder / "tsa.cnf").write_text(TSA.format(folder=folder))
    (folder / "serial").write_text("01\n")
    ecc = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config", "tsa.cnf")
    openssl(folder, "req", "-x509", *ecc, "-subj", "/CN=Root", "-keyout", "root.key", "-out", "root.pem",
            "-extensions", "root", "-days", "9")  # fmt: skip
    openssl(folder, "req", *ecc, "-subj", "/CN=TSA", "-keyout", "tsa.key", "-out", "tsa.csr")
    openssl(folder, "x509", "-req", "-in", "tsa.csr", "-CA", "root.pem", "-CAkey", "root.key", "-days", "9",
            "-set_serial", "7", "-extfile", "tsa.cnf", "-extensions", "ext", "-out", "tsa.pem")  # fmt: skip

    def stamp(content: bytes) -> bytes:
        (folder / "content").write_bytes(content)
        openssl(folder, "ts", "-query", "-data", "content", "-sha256", "-cert", "-out", "query.tsq")
        openssl(
            folder, "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query.tsq", "-token_out", "-out", "t"
        )
        return (folder / "t").read_bytes()

    return stamp


def test_a_timestamp_is_read_and_held_to_its_bytes_and_roots(authority: Any, tmp_path: Path) -> None:
    root = signatures.certificate((tmp_path / "tsa" / "root.pem").read_bytes())

    def asked(stamped: Callable[[bytes], bytes], **trust: Any) -> Verdict:
        late = lambda c: replace(c, timestamps=True, token=stamped(c.checkpoint))  # noqa: E731
        data = r.sealed(r.draft(lambda record: setattr(record, "late", late)).contents())
        path = tmp_path / "record.asice"
        path.write_bytes(data)
        return verify(path, trust=TRUST(**trust), head=None, at=datetime.now(UTC))

    verdict = asked(authority, timestamp_roots=[root])
    assert accepted(verdict)
    assert any("timestamps of an authority" in check.sentence for check in verdict.checks)
    assert accepted(asked(authority))
    assert "does not list" in refusals(asked(authority, timestamp_roots=[r.court().root]))["seals"]
    assert "other bytes" in refusals(asked(lambda _: authority(b"other"), timestamp_roots=[root]))["seals"]
    broken = refusals(asked(lambda note: authority(note)[:-1] + b"\x00", timestamp_roots=[root]))
    assert "seals" in broken
    assert "seals" in refusals(asked(lambda note: r.court().sign(note, r.NOW), timestamp_roots=[root]))


def test_a_seal_may_bear_a_timestamp_and_nothing_else(authority: Any) -> None:
    sealed = r.court().sign(b"content", r.NOW)
    signature = cms.ContentInfo.load(sealed)["content"]["signer_infos"][0]["signature"].native

    def stamped(over: bytes) -> bytes:
        def change(data: cms.SignedData) -> None:
            token = cms.ContentInfo.load(authority(over))
            attribute = cms.CMSAttribute({"type": "signature_time_stamp_token", "values": [token]})
            data["signer_infos"][0]["unsigned_attrs"] = cms.CMSAttributes([attribute])

        return changed_cms(sealed, change)

    read = signatures.read_seal(stamped(signature), b"content")
    assert read.token is not None
    stamp = signatures.read_token(read.token, read.signature)
    assert abs(stamp.time - datetime.now(UTC)) < timedelta(minutes=1)
    with pytest.raises(signatures.Unverifiable, match="other bytes"):
        signatures.read_token(read.token, b"other")


# --- rubbish -----------------------------------------------------------------------------------

ENTITIES = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "' + b"x" * 1000 + b'">]><a>' + b"&b;" * 1000 + b"</a>"
)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"PK\x05\x06" + bytes(18),
        b"PK\x05\x06" + b"\xff" * 18,
        b"PK\x06\x06"
        + b"\xff" * 52
        + b"PK\x06\x07"
        + b"\xff" * 16
        + b"PK\x05\x06"
        + bytes(4)
        + b"\xff" * 12
        + bytes(2),
        b"[" * 1_000_000,
        b"9" * 1_000_000,
        ENTITIES,
        os.urandom(100_000),
        b"%PDF-1.7\n",
    ],
)
def test_rubbish_is_refused_in_a_sentence(data: bytes, tmp_path: Path) -> None:
    verdict = judged(tmp_path, data)
    assert not verdict.accepted
    assert "package" in verdict.sentence or "ZIP" in verdict.sentence


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    data = r.good()
    for length in [*range(300), *range(300, len(data), 97), *range(len(data) - 300, len(data))]:
        assert not judged(tmp_path, data[:length]).accepted


def test_a_zip_of_another_program_is_refused_bomb_or_not(tmp_path: Path) -> None:
    import zipfile

    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bomb:
        for number in range(20):
            bomb.writestr(f"{number}", bytes(10_000_000))
    assert not verify(path, trust=None, head=None, at=r.NOW).accepted


def test_what_is_no_plain_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    began = time.monotonic()
    for path in (
        tmp_path / "fifo",
        tmp_path,
        tmp_path / "none",
        tmp_path / "loop",
        Path("/dev/zero"),
        Path("a\0b"),
    ):
        verdict = verify(path, trust=None, head=None, at=r.NOW)
        assert refusals(verdict).keys() == {"file"}
        assert not verdict.accepted
    assert time.monotonic() - began < 2


def test_too_many_entries_are_refused_before_memory_is_used(tmp_path: Path) -> None:
    data = r.zipped((f"{number:06}", b"") for number in range(container.MOST_ENTRIES + 1))
    assert "size" in refusals(judged(tmp_path, data))["zip"]


def test_a_large_recording_is_read_in_little_memory(tmp_path: Path) -> None:
    """300 MB of a sound track, in segments, verified in a process that may have 400 MB of address space more."""
    script = Path(__file__).parent / "large_record.py"
    words = [sys.executable, str(script), str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# --- properties --------------------------------------------------------------------------------


def test_an_empty_file_cannot_lie_elsewhere() -> None:
    data = r.zipped([("mimetype", b"abc"), ("one", b"")])
    container.entries_of(io.BytesIO(data))
    place = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1) + 42
    moved = data[:place] + bytes([data[place] - 1]) + data[place + 1 :]
    with pytest.raises(signatures.Unverifiable, match="one is not in the canonical form"):
        container.entries_of(io.BytesIO(moved))


@given(st.binary(max_size=400))
def test_the_zip_reader_refuses_any_bytes_without_another_error(data: bytes) -> None:
    with contextlib.suppress(signatures.Unverifiable):
        container.entries_of(io.BytesIO(data))


@settings(max_examples=200)
@given(st.data())
def test_the_zip_reader_refuses_any_change_of_the_structure(draw: st.DataObject) -> None:
    data = r.zipped([("mimetype", b"abc"), ("one", b""), ("two", b"data")])
    start = draw.draw(st.integers(0, len(data)))
    end = draw.draw(st.integers(start, min(len(data), start + 6)))
    changed = data[:start] + draw.draw(st.binary(max_size=6)) + data[end:]
    try:
        found = container.entries_of(io.BytesIO(changed))
    except signatures.Unverifiable:
        return
    # What is still read is a canonical ZIP of the same files with other contents, no more.
    assert [(one.name, one.size) for one in found] == [("mimetype", 3), ("one", 0), ("two", 4)]
    assert len(changed) == len(data)
    rebuilt = b"".join(
        container.local_header(one)
        + changed[(at := one.offset + len(container.local_header(one))) : at + one.size]
        for one in found
    )
    assert rebuilt + container.directory(found, len(rebuilt)) == changed


@given(
    st.lists(
        st.tuples(st.binary(min_size=0, max_size=3), st.sampled_from([0, 5, 0xFFFFFFFE, 0xFFFFFFFF, 2**33])),
        min_size=1,
        max_size=4,
    )
)
def test_the_directory_of_any_sizes_is_read_as_it_was_written(parts: list[tuple[bytes, int]]) -> None:
    place, made = 0, []
    for number, (crc, size) in enumerate(parts):
        entry = container.Entry(f"f{number}", size, int.from_bytes(crc, "big"), place)
        made.append(entry)
        place += len(container.local_header(entry)) + size
    behind = container.directory(made, place)
    count, size, start = container._end_of(behind[-98:])
    assert (count, start) == (len(made), place)
    assert list(container._central_entries(behind[:size], count)) == made


@st.composite
def tilings(draw: st.DrawFn) -> tuple[list[Span], int, int]:
    """Spans that tile a stretch by the rule."""
    since = place = draw(st.integers(0, 10**12))
    spans: list[Span] = []
    for _ in range(draw(st.integers(1, 6))):
        for _ in range(draw(st.integers(0, 3))):
            spans.append(Span(place, place + SEGMENT, segment=True))
            place += SEGMENT
        if draw(st.booleans()):
            length = draw(st.integers(1, SEGMENT))
            spans.append(Span(place, place + length, segment=True))
            place += length
        length = draw(st.integers(1, 5000))
        spans.append(Span(place, place + length, segment=False))
        place += length
    if draw(st.booleans()):
        length = draw(st.integers(1, SEGMENT))
        spans.append(Span(place, place + length, segment=True))
        place += length
    return draw(st.permutations(spans)), since, place


@given(tilings())
def test_a_tiling_is_found_good_in_any_order(tiling: tuple[list[Span], int, int]) -> None:
    assert tiling_fault(*tiling) is None


@given(tilings(), st.data())
def test_a_tiling_moved_by_a_millisecond_is_found_bad(
    tiling: tuple[list[Span], int, int], draw: st.DataObject
) -> None:
    spans, since, until = tiling
    number = draw.draw(st.integers(0, len(spans) - 1))
    by = draw.draw(st.sampled_from([-1, 1]))
    edge = draw.draw(st.sampled_from(["since", "until"]))
    moved = spans[number]._replace(**{edge: getattr(spans[number], edge) + by})
    assert tiling_fault([*spans[:number], moved, *spans[number + 1 :]], since, until) is not None
    assert tiling_fault([*spans[:number], *spans[number + 1 :]], since, until) is not None
    assert tiling_fault([*spans, spans[number]], since, until) is not None
    assert tiling_fault(spans, since, until + by) is not None


# --- the command -------------------------------------------------------------------------------


def test_the_command_prints_each_check_and_the_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "record.asice"
    path.write_bytes(r.good())
    trust = tmp_path / "trust.json"
    trust.write_bytes(TRUST())
    assert main([str(path), "--trust", str(trust)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 14
    assert lines[-1].startswith("Accepted: complete, unaltered, sealed by")
    assert main([str(path)]) == 0
    assert "not confirmed" in capsys.readouterr().out
    path.write_bytes(r.good()[:-1])
    assert main([str(path), "--trust", str(trust)]) == 1
    assert "Refused (zip): " in capsys.readouterr().out
    path.write_bytes(r.good())
    assert main([str(path), "--trust", str(tmp_path / "none")]) == 1
    assert main([str(path), "--trust", str(tmp_path)]) == 1
    assert main([str(path), "--head", str(tmp_path / "none")]) == 1
    head = tmp_path / "head.txt"
    head.write_bytes(files()[EARLIER])
    assert main([str(path), "--head", str(head)]) == 0


@pytest.mark.parametrize("words", [[], ["a", "b"], ["--what"]])
def test_words_that_make_no_sense_exit_1(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 1


def test_a_name_in_a_certificate_cannot_steer_the_terminal(tmp_path: Path) -> None:
    seal = r.court("Court\x1b[2J of\nNowhere")
    verdict = judged(tmp_path, r.sealed(r.draft().contents(), seal=seal))
    assert all(check.sentence.isprintable() for check in verdict.checks)
    assert verdict.sentence.isprintable()


def test_the_verifier_reaches_no_database_web_or_leaf() -> None:
    code = (
        "import sys, hearings.verify; "
        "bad = [m for m in sys.modules if m.split('.')[0] in "
        "('sqlmodel','sqlalchemy','litestar','consent','scheduling','media','frontend','aiortc')]; "
        "ours = sorted(m for m in sys.modules if m.startswith('hearings.')); "
        "print(bad, ours)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ours = [
        "answers",
        "container",
        "errors",
        "events",
        "playing",
        "roles",
        "sentences",
        "signatures",
        "signed_pdf",
        "tree",
    ]
    ours += ["verify", "verify_copies", "verify_journal", "verify_media", "verify_page", "verify_seals"]
    assert done.stdout.strip() == f"[] {[f'hearings.{one}' for one in ours]}"


# --- the text of the format --------------------------------------------------------------------


def row(kind: type[Event]) -> str:
    """A line of the table in FORMAT.md; where the test below fails, this is what to put there."""
    every = {field.alias or name for name, field in kind.model_fields.items()} - {"participant"}
    required, optional = (
        ", ".join(f"`{name}`" for name in sorted(names)) or "–"
        for names in (kind.names(), every - kind.names())
    )
    return f"| `{kind.type}` | {'yes' if kind.about_someone() else 'no'} | {required} | {optional} |"


def test_the_table_of_the_format_is_that_of_the_events() -> None:
    text = (Path(__file__).parents[2] / "FORMAT.md").read_text()
    rows = [line for line in text.splitlines() if re.match(r"\| `[a-z]+\.[a-z]+`", line)]
    assert rows == [row(kind) for kind in KINDS.values()]
