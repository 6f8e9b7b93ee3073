"""What a backup of a running service would hold: no key in the clear, but in `service.key`."""

import base64
import sqlite3
from pathlib import Path
from uuid import UUID

import pytest

from frontend.rehearse import Hearing
from frontend.visitor import eventually
from hearings import servicekey
from media.locked import HEAD, unwrapping
from tests.story.telling import sit_for_a_moment

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_no_key_lies_in_the_clear_anywhere_in_the_data_folder(hearing: Hearing) -> None:
    """Neither in the database and its log, nor with the recordings, nor in the worker's spool."""
    await sit_for_a_moment(hearing)
    base = f"/hearings/{hearing.id}/listen"

    async def copied() -> bool:
        return bool((await hearing.court.clerk.get(base))[0]["ready"])

    await eventually(copied)
    data = hearing.court.data
    secrets = secrets_of(data, UUID(hearing.id))
    assert len(secrets) >= 4, "of the log, of the recordings, of a recorder's start, of a copy"
    searched = [path for path in data.rglob("*") if path.is_file() and path.name != "service.key"]
    assert {"vivavoce.db", "reports.jsonl"} <= {path.name for path in searched}
    assert any(path.suffix == ".pcapng" for path in searched)
    secrets.append((data / "service.key").read_bytes())
    forms = [form for one in secrets for form in (one, one.hex().encode(), base64.b64encode(one))]
    for path in searched:
        content = path.read_bytes()
        assert not any(form in content for form in forms), path.name


def secrets_of(data: Path, hearing: UUID) -> list[bytes]:
    """What only the service key opens, of this hearing."""
    key = servicekey.at(data / "service.key")
    database = sqlite3.connect(f"file:{data / 'vivavoce.db'}?mode=ro", uri=True)
    try:
        (log,) = database.execute("SELECT log_key FROM hearing WHERE id = ?", (hearing.hex,)).fetchone()
        (pair,) = database.execute(
            "SELECT secret FROM recordingkey WHERE hearing_id = ?", (hearing.hex,)
        ).fetchone()
    finally:
        database.close()
    secret = key.unwrap(pair, f"recording {hearing}")
    heads = {
        path.read_bytes()[:HEAD]
        for path in (data / "recordings" / str(hearing)).iterdir()
        if path.suffix in {".pcapng", ".webm"}
    }
    content = {unwrapping(secret)(head) for head in heads}
    return [key.unwrap(log, f"vivavoce/{hearing}"), secret, *content]
