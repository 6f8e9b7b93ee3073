"""Files on a real disk: what is written is synced, and what is not there is said so."""

import os

import pytest

from media.storage import Storage


def test_what_is_appended_is_on_disk_and_so_is_its_name(tmp_path, monkeypatch):
    synced: list[int] = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (fsync(fd), synced.append(os.fstat(fd).st_ino)))
    folder = tmp_path / "hearing"
    storage = Storage(folder)
    storage.prepare()
    assert synced == [tmp_path.stat().st_ino]
    storage.append("file", b"first")
    inode = (folder / "file").stat().st_ino
    assert synced[1:] == [inode, folder.stat().st_ino]
    storage.append("file", b" and second")
    storage.truncate("file", 9)
    assert synced[3:] == [inode] * 2
    assert storage.read("file") == b"first and"
    storage.rename("file", "another")
    assert (storage.size("file"), storage.read("another")) == (None, b"first and")
    storage.remove("another")
    assert synced[5:] == [folder.stat().st_ino] * 2


def test_only_the_service_may_read_it(tmp_path):
    storage = Storage(tmp_path / "hearing")
    storage.prepare()
    storage.append("file", b"content")
    assert (tmp_path / "hearing").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "hearing" / "file").stat().st_mode & 0o777 == 0o600


def test_everything_of_a_hearing_is_removed_as_often_as_it_takes(tmp_path):
    storage, other = Storage(tmp_path / "hearing"), Storage(tmp_path / "other")
    for each in (storage, other):
        each.prepare()
        each.append("b", b"content")
        each.append("a", b"")
    assert storage.names() == ["a", "b"]
    for _ in range(2):
        storage.clear()
        assert storage.names() == []
        assert not (tmp_path / "hearing").exists()
    assert other.names() == ["a", "b"]


def test_a_file_is_read_from_any_place(tmp_path):
    storage = Storage(tmp_path)
    storage.append("file", b"0123456789")
    with storage.open("file") as file:
        file.seek(4)
        assert file.read(3) == b"456"
    assert storage.size("file") == 10
    assert storage.room() > 0


def test_what_is_not_there(tmp_path):
    storage = Storage(tmp_path)
    assert storage.size("file") is None
    assert storage.read("file") == b""
    storage.remove("file")
    with pytest.raises(FileNotFoundError):
        storage.open("file")


def test_what_is_put_by_lies_over_what_was_put_by_before(tmp_path):
    storage = Storage(tmp_path)
    storage.put_by("tail", b"the first that came")
    storage.put_by("tail", b"THE ", b"SECOND")
    assert storage.read("tail") == b"THE SECONDthat came"
    assert (tmp_path / "tail").stat().st_mode & 0o777 == 0o600
