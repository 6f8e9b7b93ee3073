"""Room that is held until there is no other."""

import shutil

from media import reserve
from media.reserve import Reserve

SIZE = 64 * 1024


def test_it_is_held_once_and_given_up_once(tmp_path):
    held = Reserve(tmp_path / "reserve", SIZE)
    held.hold()
    held.hold()
    assert (tmp_path / "reserve").stat().st_blocks * 512 >= SIZE, "not a promise, but room"
    assert held.give_up()
    assert not held.give_up()
    assert not (tmp_path / "reserve").exists()


def test_none_is_taken_of_little_room(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(reserve.shutil, "disk_usage", lambda _: usage._replace(free=reserve.PLENTY))
    held = Reserve(tmp_path / "reserve", SIZE)
    held.hold()
    assert not held.give_up()


def test_a_folder_that_is_gone_is_no_failure(tmp_path):
    held = Reserve(tmp_path / "nowhere" / "reserve", SIZE)
    held.hold()
    assert not held.give_up()
