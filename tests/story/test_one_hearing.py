"""One hearing from the letter of request to the verified record, through the public doors."""

from pathlib import Path

import pytest

from frontend.rehearse import Hearing
from frontend.visitor import eventually
from tests.story.telling import (
    everyone_hears_everyone,
    ready_apart,
    sit_for_a_moment,
    verified,
    verify_command,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_whole_way(hearing: Hearing, tmp_path: Path) -> None:
    await hearing.request()
    await the_other_side_has_its_letter(hearing)
    await hearing.accept()
    await hearing.schedule()
    await ready_apart(hearing)
    await hearing.go_on_record()
    await hearing.establish_identity()
    await hearing.swear()
    await hearing.bench.act("room/examine")
    await everyone_hears_everyone(hearing)
    await hearing.bench.act("room/off-record", {"text": "The questions are at an end."})
    await hearing.finish()
    package = await hearing.package(tmp_path)

    verdict = verified(package)
    assert verdict.accepted, verdict
    journal = await hearing.court.clerk.get(f"/hearings/{hearing.id}/journal")
    assert [entry["type"] for entry in journal[:2]] == ["hearing.opened", "request.received"]
    assert [entry["type"] for entry in journal[-2:]] == ["hearing.closed", "custody.fetched"]
    assert all(entry["sentence"] for entry in journal)


async def test_the_command_line_says_the_same(hearing: Hearing, tmp_path: Path) -> None:
    await sit_for_a_moment(hearing)
    await hearing.finish()
    package = await hearing.package(tmp_path)

    good = verify_command(package, "--trust", tmp_path / "trust.json")
    unknown = verify_command(package)
    data = bytearray(package.read_bytes())
    data[len(data) // 2] ^= 1
    package.write_bytes(data)
    bad = verify_command(package, "--trust", tmp_path / "trust.json")

    assert (good.returncode, unknown.returncode, bad.returncode) == (0, 0, 1)
    assert "not confirmed" in unknown.stdout
    assert "refused" in bad.stdout
    assert not good.stderr + bad.stderr


async def the_other_side_has_its_letter(hearing: Hearing) -> None:
    async def arrived() -> bool:
        letters = [path.read_text() for path in (hearing.court.data / "mail").glob("*.eml")]
        return any("/join/" in letter and "office@samplia.invalid" in letter for letter in letters)

    await eventually(arrived)
