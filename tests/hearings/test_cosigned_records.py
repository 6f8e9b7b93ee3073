"""Records whose heads were cosigned, or not: what the verifier says, and what it does not let pass."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearings import package
from hearings.errors import Unverifiable
from hearings.package import Contents
from hearings.tree import instant
from hearings.verify import Outcome, Verdict, verify
from hearings.verify_journal import Entry, _check_cosigners
from tests.hearings import records as r

B, C = "b.example/cosign", "c.example/cosign"
AWAY, BACK = "cosigner.unavailable", "cosigner.returned"
END = r.OFF + 1040  # of the good record


def judged(folder: Path, data: bytes, **trust: Any) -> Verdict:
    path = folder / "record.asice"
    path.write_bytes(data)
    return verify(path, trust=r.trust(**trust), head=None, at=r.NOW)


def refused_by(verdict: Verdict) -> list[str]:
    return [one.name for one in verdict.checks if one.outcome is Outcome.REFUSED]


def said_of_seals(verdict: Verdict) -> str:
    return next(one.sentence for one in verdict.checks if one.name == "seals")


def told(*entries: tuple[str, str, int]) -> r.Change:
    """What the journal says of cosigners in its last second: type, name, and since when."""

    def change(record: r.Draft) -> None:
        for kind, name, since in entries:
            record.say(r.OFF + 1, kind, cosigner=name, since=r.stamp(since))

    return change


def cosigned(contents: Contents, *, last: int | None = END, earlier: int | None = None) -> Contents:
    """With lines of B on the head and the earlier one, at these times."""
    note = contents.checkpoint if last is None else r.cosigned(contents.checkpoint, B, last)
    before = [one if earlier is None else r.cosigned(one, B, earlier) for one in contents.earlier]
    quorum = 0 if last is None else 1
    return replace(contents, checkpoint=note, earlier=before, cosigners=[r.cosigner(B)], quorum=quorum)


# --- what it says


def test_it_names_who_cosigned_and_when(tmp_path: Path) -> None:
    verdict = judged(tmp_path, r.sealed(cosigned(r.draft().contents())), cosigners=[r.cosigner(B)], quorum=1)
    assert verdict.accepted, verdict
    assert "Cosigned by b.example/cosign at 2026-03-02 09:00:16 UTC." in said_of_seals(verdict)


def test_it_tells_up_to_where_and_from_when_it_was_not(tmp_path: Path) -> None:
    contents = r.draft(told((AWAY, B, r.OFF))).contents()
    verdict = judged(tmp_path, r.sealed(cosigned(contents, last=None, earlier=950)))
    assert verdict.accepted, verdict
    told_ = said_of_seals(verdict)
    assert "Cosigned by b.example/cosign up to entry 2, not beyond, at 2026-03-02 09:00:00 UTC." in told_
    assert f"b.example/cosign had not cosigned it since {r.stamp(r.OFF)}." in told_


def test_one_that_came_back_is_not_told_of(tmp_path: Path) -> None:
    contents = r.draft(told((AWAY, B, r.ON), (BACK, B, r.ON))).contents()
    verdict = judged(tmp_path, r.sealed(cosigned(contents)))
    assert verdict.accepted, verdict
    assert "had not cosigned" not in said_of_seals(verdict)


def test_a_quorum_of_the_trust_file_that_is_not_met_is_refused(tmp_path: Path) -> None:
    data = r.sealed(cosigned(r.draft().contents(), last=None, earlier=950))
    assert refused_by(judged(tmp_path, data, cosigners=[r.cosigner(B)], quorum=1)) == ["log"]


# --- what it does not let pass


def test_a_line_on_an_earlier_head_holds_or_the_record_is_refused(tmp_path: Path) -> None:
    contents = cosigned(r.draft().contents())
    later = r.cosigned(contents.checkpoint, B, 950).splitlines(keepends=True)[-1]
    false = replace(contents, earlier=[contents.earlier[0] + later])
    assert refused_by(judged(tmp_path, r.sealed(false))) == ["log"]


def test_a_cosignature_is_not_stripped_with_the_log_key_of_another_head(tmp_path: Path) -> None:
    """The court has sealed a quorum of none for an earlier head of this journal; its seal over this head covers the line."""
    contents = r.draft().contents()
    good = r.parts(r.sealed(cosigned(contents)))
    none = r.parts(r.sealed(cosigned(contents, last=None)))
    stripped = {
        **good,
        **{path: none[path] for path in ("data/trust/log-key.json", "data/trust/log-key.court.p7s")},
        "data/journal/checkpoint.txt": none["data/journal/checkpoint.txt"],
    }
    assert refused_by(judged(tmp_path, r.repacked(stripped))) == ["seals"]


@pytest.mark.parametrize(
    "entries",
    [
        [(BACK, B, r.ON)],
        [(AWAY, B, r.ON), (AWAY, B, r.ON)],
        [(AWAY, B, r.ON), (BACK, C, r.ON)],
        [(AWAY, B, r.ON), (BACK, B, r.OFF)],
        [(AWAY, B, r.ON), (BACK, B, r.ON), (BACK, B, r.ON)],
        [(AWAY, B, r.OFF + 2)],
    ],
)
def test_what_cannot_have_been_so_is_refused(tmp_path: Path, entries: Sequence[tuple[str, str, int]]) -> None:
    assert refused_by(judged(tmp_path, r.sealed(r.draft(told(*entries)).contents()))) == ["entries"]


def test_each_cosigner_has_a_course_of_its_own(tmp_path: Path) -> None:
    entries = (AWAY, B, r.ON), (AWAY, C, r.OFF), (BACK, B, r.ON), (AWAY, B, r.OFF), (BACK, C, r.OFF)
    verdict = judged(tmp_path, r.sealed(r.draft(told(*entries)).contents()))
    assert verdict.accepted, verdict


@pytest.mark.parametrize("hidden", ["cosigner", "since"])
def test_what_is_concealed_is_not_held_against_the_record(tmp_path: Path, hidden: str) -> None:
    record = r.draft(told((AWAY, B, r.ON), (BACK, B, r.ON), (AWAY, B, r.OFF)))
    seq = next(n for n, one in enumerate(record.said) if one.type == AWAY)
    contents = r.redacted(record.contents(), seqs={seq: {hidden}}, paths=[])
    verdict = judged(tmp_path, r.sealed(contents))
    assert verdict.accepted, verdict


@given(
    st.lists(st.tuples(st.sampled_from([AWAY, BACK]), st.sampled_from("ab"), st.integers(0, 3)), max_size=8)
)
def test_the_rule_is_what_the_text_says(course: list[tuple[str, str, int]]) -> None:
    """FORMAT.md, part 3: they alternate for each cosigner, with the same beginning."""
    entries = [
        Entry(n, instant(r.stamp(n)), kind, None, {"cosigner": name, "since": r.stamp(since)}, False)
        for n, (kind, name, since) in enumerate(course, 10)
    ]
    fits = True
    for name in "ab":
        own = [(kind, since) for kind, one, since in course if one == name]
        fits &= [kind for kind, _ in own] == [AWAY, BACK] * (len(own) // 2) + [AWAY] * (len(own) % 2)
        fits &= all(own[n][1] == own[n + 1][1] for n in range(0, len(own) - 1, 2))
    try:
        _check_cosigners(entries)
    except Unverifiable:
        assert not fits
    else:
        assert fits


def test_the_log_key_of_a_head_is_what_is_on_it() -> None:
    contents = r.draft().contents()
    assert package.log_key(cosigned(contents)) != package.log_key(cosigned(contents, last=None))
