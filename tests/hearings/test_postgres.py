"""How PostgreSQL's URL is read, and what its errors mean."""

import ssl
from pathlib import Path

import pytest
from pg8000 import DatabaseError, InterfaceError, ProgrammingError
from sqlalchemy import make_url

from hearings.database import Database
from hearings.errors import Unreachable
from hearings.postgres import arguments, is_away, is_busy, is_not_text, is_ours


def read(url: str) -> dict[str, object]:
    given = arguments(make_url(url))
    return {name: given[name] for name in ("user", "password", "database") if given[name] is not None} | {
        name: given[name] for name in ("host", "port", "unix_sock", "ssl_context") if name in given
    }


@pytest.mark.parametrize("name", ["postgresql", "postgres", "postgresql+pg8000"])
def test_the_plain_url_chooses_the_driver_by_itself(name: str) -> None:
    url = f"{name}://clerk:secret@db.court.example:5433/vivavoce"
    assert is_ours(make_url(url))
    assert read(url) == {
        "user": "clerk",
        "password": "secret",
        "database": "vivavoce",
        "host": "db.court.example",
        "port": 5433,
        "ssl_context": None,
    }
    database = Database(url)
    assert database.shared
    database.close()


def test_a_folder_as_host_is_a_unix_socket() -> None:
    assert read("postgresql://clerk@/vivavoce?host=/var/run/postgresql") == {
        "user": "clerk",
        "database": "vivavoce",
        "unix_sock": "/var/run/postgresql/.s.PGSQL.5432",
        "ssl_context": False,
    }


def test_tls_is_as_strict_as_it_is_asked_to_be() -> None:
    told = {
        mode: read(f"postgresql://a@db/b?sslmode={mode}")["ssl_context"] for mode in ("disable", "require")
    }
    assert told == {"disable": False, "require": True}
    context = read("postgresql://a@db/b?sslmode=verify-full")["ssl_context"]
    assert isinstance(context, ssl.SSLContext)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://a@db/b?sslmode=perhaps",
        "postgresql://a@db/b?sslmode=verify-full&sslrootcert=/nowhere/at/all.pem",
        "postgresql://a@db/b?unheard_of=1",
        "oracle://a@db/b",
        "nothing",
    ],
)
def test_what_names_no_database_is_a_sentence(url: str) -> None:
    with pytest.raises(Unreachable, match="VIVAVOCE_DATABASE names no database"):
        Database(url)


def test_a_server_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    database = Database(f"postgresql://a@/b?host={tmp_path}")
    with pytest.raises(Unreachable, match="does not answer"):
        database.migrate()


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (DatabaseError({"C": "57P01"}), is_away),  # shut down
        (DatabaseError({"C": "57P03"}), is_away),  # starting
        (InterfaceError("network error"), is_away),
        (InterfaceError({"C": "28P01"}), is_away),  # the password
        (BrokenPipeError(), is_away),
        (ProgrammingError({"C": "40P01"}), is_busy),  # a deadlock
        (ProgrammingError({"C": "40001"}), is_busy),
        (ProgrammingError({"C": "53100"}), is_busy),  # the disk is full
        (ProgrammingError({"C": "55P03"}), is_busy),  # a lock was not to be had in time
        (ProgrammingError({"C": "22021"}), is_not_text),
        (ProgrammingError({"C": "42601"}), None),  # a mistake of ours
        (ProgrammingError("unheard of"), None),
    ],
)
def test_an_error_means_one_thing_at_most(error: Exception, meaning: object) -> None:
    assert [one for one in (is_away, is_busy, is_not_text) if one(error)] == ([meaning] if meaning else [])
