"""A sealed interval through the doors: no second is missing, no package has it, two people open it."""

import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from frontend.rehearse import Hearing
from frontend.visitor import DoorRefused, eventually
from hearings import verify
from tests.story.telling import entries, everyone_hears_everyone, ready, seconds, verified, verify_command

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_what_is_sealed_is_in_no_package_and_two_people_open_it(
    hearing: Hearing, tmp_path: Path
) -> None:
    await ready(hearing)
    await hearing.go_on_record()
    await hearing.establish_identity()
    await everyone_hears_everyone(hearing)
    bench, clerk = hearing.bench, hearing.court.clerk
    await bench.act("room/seal", {"reason": "The witness speaks of a child."})
    await hearing.seat("heard").until(lambda view: view["sealing"] is not None)
    with pytest.raises(DoorRefused) as twice:
        await bench.act("room/seal", {"reason": "Again."})
    await seconds(1)
    await bench.act("room/seal/end")
    await seconds(1)
    await bench.act("room/off-record", {"text": "Enough for today."})
    await hearing.finish()
    package = await hearing.package(tmp_path)

    assert twice.value.status == 409
    on, off = await entries(hearing, "record.on"), await entries(hearing, "record.off")
    assert [entry["members"].get("sealed") for entry in on] == [None, True, None]
    assert [entry["time"] for entry in off[:2]] == [entry["time"] for entry in on[1:]]
    media = [name for name in zipfile.ZipFile(package).namelist() if "/data/media/" in name]
    stretches = {name.partition(".")[0].rpartition("-")[2] for name in media}
    assert stretches == {"1", "3"}
    verdict = verified(package)
    assert verdict.accepted
    assert "withheld" in verdict.sentence
    again = verify_command(package, "--trust", tmp_path / "trust.json", "--copies")
    assert "copies     ok       4 copies for playing were made again" in again.stdout
    assert again.returncode == 0
    altered = verify.verify(
        package, trust=None, head=None, at=datetime.now(UTC), derive=lambda _making: "0" * 64
    )
    assert not altered.accepted
    assert "is not what comes of its originals" in altered.sentence

    base = f"/hearings/{hearing.id}/listen"

    async def copied() -> bool:
        return all(one["ready"] for one in await clerk.get(base))

    await eventually(copied)
    with pytest.raises(DoorRefused) as alone:
        await clerk.post(f"{base}/2")
    await clerk.post(f"{base}/2/unseal", {"reason": "An appeal."})
    with pytest.raises(DoorRefused) as by_oneself:
        await clerk.post(f"{base}/2/unseal/allow")
    await bench.act("listen/2/unseal/allow")
    await clerk.post(f"{base}/2")
    told = await clerk.get(f"{base}/2")
    film = next(film for film in told["films"] if film["handle"] == hearing.handles[hearing.heard])
    whole = await clerk.http.get(f"{base}/copies/{film['file']}")
    assert (alone.value.status, by_oneself.value.status) == (403, 403)
    assert whole.content.startswith(b"\x1a\x45\xdf\xa3")
    assert len(await entries(hearing, "unsealing.asked", "unsealing.allowed", "custody.played")) == 3
