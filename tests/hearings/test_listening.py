"""Listening back: entered in the journal first, for those who may, and every byte as it was derived."""

import contextlib

import pytest

from hearings.errors import NotAllowed, NotFound, Unreachable
from hearings.listening import GIVEN, Listening, parts
from hearings.roles import Role, Side
from tests.hearings.stood import stood
from tests.hearings.test_copies import Archive, derived, recorded


@pytest.fixture
def archive(journal, clock, tmp_path, request: pytest.FixtureRequest) -> Archive:
    """With copies for playing, or as the parameter says."""
    steps = getattr(request, "param", derived)
    return Archive(stood(steps, journal, tmp_path), tmp_path / "recordings", clock, recorded=True)


@pytest.fixture
def listening(archive: Archive) -> Listening:
    return Listening(archive.standing.house.acts, archive.keys, archive.folder.parent)


@pytest.mark.parametrize("archive", [recorded], indirect=True)
async def test_what_there_is_to_listen_to(archive, listening):
    judge = archive.standing.actors["judge"]
    assert [one["ready"] for one in listening.stretches(judge)] == [False]
    with pytest.raises(NotFound, match="nothing to listen to yet"):
        listening.begin(judge, 1)
    await archive.copies.work()
    assert [one["ready"] for one in listening.stretches(judge)] == [True]
    with pytest.raises(NotFound):
        listening.begin(judge, 2)


async def test_nobody_listens_unseen(archive, listening, clock):
    judge, authority = (archive.standing.actors[name] for name in ("judge", "authority"))
    name = f"{archive.witness}-1.webm"
    for closed in (lambda: listening.stretch(judge, 1), lambda: listening.film(judge, name)):
        with pytest.raises(NotFound, match="entered in the journal"):
            closed()
    listening.begin(judge, 1)
    assert archive.standing.types()[-1] == "custody.played"
    with contextlib.closing(listening.film(judge, name).stream):
        pass
    with pytest.raises(NotFound):
        listening.film(authority, name)
    clock.pass_(seconds=GIVEN.total_seconds() + 1)
    with pytest.raises(NotFound):
        listening.film(judge, name)


@pytest.mark.parametrize("role", [Role.HEARD, Role.LAWYER, Role.DEFENCE, Role.OBSERVER, Role.INTERPRETER])
async def test_who_may_not_finds_nothing(archive, listening, role):
    if role is Role.HEARD:
        other = archive.standing.actors["witness"]
    else:
        other = archive.standing.add(role.value, role, Side.REQUESTED)
    name = f"{archive.witness}-1.webm"
    for closed in (
        lambda: listening.stretches(other),
        lambda: listening.begin(other, 1),
        lambda: listening.stretch(other, 1),
        lambda: listening.film(other, name),
    ):
        with pytest.raises((NotFound, NotAllowed)):
            closed()


async def test_the_page_has_films_gaps_and_entries_at_their_seconds(archive, listening):
    judge = archive.standing.actors["judge"]
    listening.begin(judge, 1)
    told = listening.stretch(judge, 1)
    assert told["length"] == 4.0
    assert {(film["file"], film["name"], film["picture"]) for film in told["films"]} == {
        (f"{archive.witness}-1.webm", "Witness", True),
        (f"{archive.judge}-1.webm", "Judge", False),
    }
    assert told["missing"] == []
    assert told["entries"][0]["at"] == 0.0
    assert all(0 <= entry["at"] <= 4 for entry in told["entries"])


async def test_any_part_of_a_film_is_given(archive, listening):
    judge, name = archive.standing.actors["judge"], f"{archive.witness}-1.webm"
    listening.begin(judge, 1)
    whole = archive.clear(name)
    for since, until in ((0, len(whole)), (0, 1), (1000, 5000), (len(whole) - 10, len(whole))):
        film = listening.film(judge, name)
        assert film.size == len(whole)
        assert b"".join(parts(film, since, until)) == whole[since:until]
        assert film.stream.closed


async def test_what_is_not_there_or_was_altered_is_said(archive, listening):
    judge, name = archive.standing.actors["judge"], f"{archive.witness}-1.webm"
    listening.begin(judge, 1)
    with pytest.raises(NotFound):
        listening.film(judge, "../service.key")
    (archive.folder / name).write_bytes(b"something else")
    with pytest.raises(Unreachable):
        listening.film(judge, name)
    (archive.folder / name).unlink()
    with pytest.raises(Unreachable):
        listening.film(judge, name)
