"""Reports survive: a kill, a torn line, a full disk, and making the file anew."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from media.control import Left
from media.spool import COMPACT_FROM, Spool, SpoolBroken


def kept(spool, *places):
    reports = [spool.numbered("h1", Left(place=place, at=1)) for place in places]
    spool.keep(reports)
    spool.pending.extend(reports)
    return reports


def places(spool):
    return [report.fact.place for report in spool.pending]


def reopened(spool, folder):
    spool.close()
    return Spool(folder)


def test_numbers_and_name_go_on_over_restarts(tmp_path):
    spool = Spool(tmp_path / "deep" / "spool")
    name = spool.name
    assert [report.n for report in kept(spool, "a", "b")] == [1, 2]
    spool = reopened(spool, tmp_path / "deep" / "spool")
    assert spool.name == name
    assert places(spool) == ["a", "b"]
    assert [report.n for report in kept(spool, "c")] == [3]
    assert all(report.spool == name for report in spool.pending)
    spool.close()


def test_what_is_acknowledged_is_not_pending(tmp_path):
    spool = Spool(tmp_path)
    kept(spool, "a", "b", "c")
    spool.acknowledged(2)
    assert places(spool) == ["c"]
    spool.acknowledged(1)
    assert places(spool) == ["c"]
    spool.close()


def test_compacting_forgets_what_is_done_with_and_keeps_numbers(tmp_path):
    spool = Spool(tmp_path)
    kept(spool, *(f"p{number}" for number in range(COMPACT_FROM + 1)))
    assert not spool.wants_compacting
    spool.acknowledged(COMPACT_FROM)
    assert spool.wants_compacting
    spool.compact(list(spool.pending), acknowledged=COMPACT_FROM)
    assert not spool.wants_compacting
    kept(spool, "after")
    spool = reopened(spool, tmp_path)
    assert places(spool) == [f"p{COMPACT_FROM}", "after"]
    spool.acknowledged(COMPACT_FROM + 2)
    spool.compact([], acknowledged=spool.last)
    spool = reopened(spool, tmp_path)
    assert kept(spool, "x")[0].n == COMPACT_FROM + 3
    spool.close()


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_torn_last_line_is_forgotten_and_its_number_used_again(tmp_path, cut):
    spool = Spool(tmp_path)
    kept(spool, "a", "b")
    spool.close()
    path = tmp_path / "reports.jsonl"
    os.truncate(path, path.stat().st_size - cut)
    spool = Spool(tmp_path)
    assert places(spool) == ["a"]
    assert kept(spool, "c")[0].n == 2
    spool = reopened(spool, tmp_path)
    assert places(spool) == ["a", "c"]
    spool.close()


def test_after_a_failed_write_the_same_reports_can_be_kept_again(tmp_path, monkeypatch):
    spool = Spool(tmp_path)
    report = spool.numbered("h1", Left(place="a", at=1))
    longer = spool.numbered("h1", Left(place="a place with a very long name" * 20, at=1))

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError):
            spool.keep([report, longer])
    spool.keep([report])
    spool = reopened(spool, tmp_path)
    assert places(spool) == ["a"]
    assert len((tmp_path / "reports.jsonl").read_bytes().splitlines()) == 2
    spool.close()


def test_a_foreign_file_is_not_overwritten(tmp_path):
    (tmp_path / "reports.jsonl").write_text("a diary\nof somebody\n")
    with pytest.raises(SpoolBroken):
        Spool(tmp_path)
    assert (tmp_path / "reports.jsonl").read_text() == "a diary\nof somebody\n"


def test_a_kill_loses_nothing_that_was_kept(tmp_path):
    program = (
        "import sys\nfrom pathlib import Path\nfrom media.control import Left\nfrom media.spool import Spool\n"
        "spool = Spool(Path(sys.argv[1]))\n"
        "while True:\n"
        "    report = spool.numbered('h1', Left(place='a', at=1))\n"
        "    spool.keep([report])\n"
        "    print(report.n, flush=True)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE)
    told = 0
    while told < 50:
        told = int(child.stdout.readline())
    os.kill(child.pid, signal.SIGKILL)
    told = max([told, *(int(line) for line in child.stdout.read().split())])
    child.stdout.close()
    child.wait()
    spool = Spool(tmp_path)
    assert [report.n for report in spool.pending][:told] == list(range(1, told + 1))
    spool.close()


def test_a_full_disk_has_a_reserve_for_the_last_words(tmp_path, monkeypatch):
    spool = Spool(tmp_path)
    fsync = os.fsync

    def full(descriptor):
        if (tmp_path / "reserve").exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        kept(spool, "a")
    assert not (tmp_path / "reserve").exists()
    spool = reopened(spool, tmp_path)
    assert places(spool) == ["a"]
    assert (tmp_path / "reserve").exists(), "held anew"
    spool.close()


def test_numbers_that_were_lost_are_not_given_again(tmp_path):
    """Whoever commits them would take what bears them for what they had before."""
    spool = Spool(tmp_path)
    kept(spool, "a", "b", "c")
    spool.close()
    reports = tmp_path / "reports.jsonl"
    reports.write_bytes(b"".join(reports.read_bytes().splitlines(keepends=True)[:2]))
    spool = Spool(tmp_path)
    assert places(spool) == ["a"]
    spool.acknowledged(3)
    assert [report.n for report in kept(spool, "d")] == [4]
    spool = reopened(spool, tmp_path)
    spool.acknowledged(3)
    assert places(spool) == ["d"]
    assert [report.n for report in kept(spool, "e")] == [5]
    spool.close()
