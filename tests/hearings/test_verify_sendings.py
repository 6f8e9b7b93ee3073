"""What a record may say of its own sending: offline, with everything signed again around it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hearings import package, verify
from hearings.verify import Verdict
from tests.hearings import records as r

ONE, OTHER = "0b1c2d3e-4f50-4617-8293-a4b5c6d7e8f9", "1b1c2d3e-4f50-4617-8293-a4b5c6d7e8f9"
DIGEST = "0" * 64
CLOSED = ("hearing.closed", {"by": r.JUDGE})


def sent(sending: str = ONE) -> tuple[str, dict[str, Any]]:
    return "custody.sent", {"sending": sending, "to": "Court S", "version": "full", "by": r.JUDGE}


def offered(sending: str = ONE) -> tuple[str, dict[str, Any]]:
    return "custody.offered", {**sent(sending)[1], "package": DIGEST, "until": r.stamp(10**9)}


def said(what: str, sending: str = ONE) -> tuple[str, dict[str, Any]]:
    members: dict[str, Any] = {"sending": sending, "to": "Court S", "receipt": DIGEST}
    match what:
        case "submitted":
            members["package"] = DIGEST
        case "delivered":
            members |= {"accepted": True, "verdict": "Accepted."}
        case "fetched":
            members.pop("receipt")
        case "withdrawn":
            members = {"sending": sending, "by": r.JUDGE}
    return f"custody.{'retrieved' if what == 'fetched' else what}", members


def judged(folder: Path, *entries: tuple[str, dict[str, Any]], hide: set[str] = frozenset()) -> Verdict:
    """A record that ends with these entries; `hide`: those of these types conceal of which sending they tell."""

    def change(record: r.Draft) -> None:
        for kind, members in entries:
            record.say(r.OFF + 10, kind, **members)

    record = r.draft(change)
    contents = record.contents()
    if hide:
        seqs = {n: {"sending"} for n, one in enumerate(record.said) if one.type in hide}
        contents = r.redacted(contents, seqs=seqs, paths=[])
    path = folder / "package.asice"
    path.write_bytes(r.sealed(contents))
    trust = package.trust(r.court())
    return verify.verify(path, trust=trust, head=None, at=datetime(2026, 3, 2, 12, tzinfo=UTC))


GOOD = (
    (CLOSED, sent(), said("submitted"), said("delivered"), said("retrieved")),
    (CLOSED, sent(), said("submitted"), said("withdrawn"), said("delivered")),
    (CLOSED, offered(), said("fetched"), said("fetched"), said("withdrawn")),
    (CLOSED, sent(), offered(OTHER), said("fetched", OTHER), said("submitted")),
)


@pytest.mark.parametrize("entries", GOOD)
def test_what_was_sent_or_offered_and_what_came_of_it_is_accepted(tmp_path: Path, entries: Any):
    verdict = judged(tmp_path, *entries)
    assert verdict.accepted, verdict.sentence


@pytest.mark.parametrize(
    "hide", [{"custody.sent"}, {"custody.submitted", "custody.delivered"}, {"custody.retrieved"}]
)
def test_it_is_accepted_whatever_of_it_is_concealed(tmp_path: Path, hide: set[str]):
    verdict = judged(tmp_path, *GOOD[0], hide=hide)
    assert verdict.accepted, verdict.sentence


@pytest.mark.parametrize(
    "entries",
    [
        (sent(), CLOSED),
        (offered(), CLOSED),
        (CLOSED, said("submitted")),
        (CLOSED, said("fetched")),
        (CLOSED, sent(), said("delivered", OTHER)),
        (CLOSED, sent(), said("submitted"), said("submitted")),
        (CLOSED, sent(), said("delivered"), said("delivered")),
        (CLOSED, sent(), said("retrieved"), said("retrieved")),
        (CLOSED, sent(), said("withdrawn"), said("withdrawn")),
        (CLOSED, sent(), sent()),
        (CLOSED, sent(), offered()),
        (CLOSED, offered(), said("submitted")),
        (CLOSED, offered(), said("delivered")),
        (CLOSED, offered(), said("retrieved")),
    ],
)
def test_anything_else_is_refused(tmp_path: Path, entries: Any):
    verdict = judged(tmp_path, *entries)
    assert not verdict.accepted
    assert verdict.sentence.startswith("Refused (entries): Entry ")
    assert "cannot stand where it stands" in verdict.sentence


def test_without_a_sending_a_receipt_that_conceals_its_own_is_refused(tmp_path: Path):
    verdict = judged(tmp_path, CLOSED, said("delivered"), hide={"custody.delivered"})
    assert "cannot stand where it stands" in verdict.sentence
