"""The known-answer vectors: our verifier gives the committed answers, and the vectors are varied enough to be worth it."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from hearings.verify import Outcome, Verdict, verify

VECTORS = Path(__file__).parents[1] / "vectors"
CASES: list[dict[str, Any]] = json.loads((VECTORS / "answers.json").read_text())
CHECKS = {
    "trust",
    "head",
    "zip",
    "container",
    "bag",
    "log",
    "tree",
    "entries",
    "seals",
    "files",
    "time",
    "minutes",
}


def told(case: dict[str, Any]) -> Verdict:
    trust, head = (case[what] and (VECTORS / case[what]).read_bytes() for what in ("trust", "head"))
    at = datetime.fromisoformat(case["at"])
    return verify(VECTORS / case["package"], trust=trust, head=head, at=at)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_our_verifier_gives_the_answer(case: dict[str, Any]) -> None:
    verdict = told(case)
    refused = [check.name for check in verdict.checks if check.outcome is Outcome.REFUSED]
    assert verdict.accepted == case["accepted"], verdict.sentence
    assert (refused or [None])[0] == case["refused"]


def test_the_vectors_are_many_and_small_and_every_check_refuses_one() -> None:
    assert sum(case["accepted"] for case in CASES) >= 6
    assert sum(not case["accepted"] for case in CASES) >= 40
    assert {case["refused"] for case in CASES} - {None} == CHECKS
    assert {path.name for path in VECTORS.glob("*.asice")} == {case["package"] for case in CASES}
    assert sum(path.stat().st_size for path in VECTORS.iterdir() if path.is_file()) < 1_600_000
