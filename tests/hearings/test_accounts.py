"""Who may sign in, how often it may be tried, and how long a login lasts."""

import datetime as dt
import threading
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from argon2 import PasswordHasher
from sqlmodel import col, select

from hearings import servicekey, tokens
from hearings.accounts import IDLE, INVITATION, LOGIN, Accounts, Staff
from hearings.attempts import MOST_OF_ADDRESS, MOST_OF_LOGIN, MOST_OF_PAIR, WINDOW, Attempts, network
from hearings.errors import AlreadyDone, NotAllowed, NotFound, NotNow, NotSignedIn, NotValid, TooMany
from hearings.journal import Journal
from hearings.tables import Account, Attempt, Authority, Login
from tests.conftest import FakeClock

PASSWORD = "a password for tests"
HERE, THERE = "192.0.2.1", "192.0.2.2"


class Counting(PasswordHasher):
    """Quick, and counts how often a password was looked at."""

    def __init__(self, **cost: int) -> None:
        super().__init__(**{"time_cost": 1, "memory_cost": 8, "parallelism": 1, **cost})
        self.looked = 0

    def verify(self, hashed: str | bytes, password: str | bytes) -> bool:
        self.looked += 1
        return super().verify(hashed, password)


@pytest.fixture
def hasher() -> Counting:
    return Counting()


@pytest.fixture
def accounts(journal: Journal, tmp_path: Path, hasher: Counting) -> Accounts:
    return Accounts(journal, servicekey.at(tmp_path / "service.key"), hasher=hasher)


@pytest.fixture
def administrator(accounts: Accounts) -> Staff:
    token = accounts.first_invitation()
    assert token
    accounts.register(token, login="administrator", name="Administrator", password=PASSWORD)
    return accounts.staff(signed_in(accounts, "administrator"))


def signed_in(accounts: Accounts, login: str, *, password: str = PASSWORD, address: str = HERE) -> str:
    return accounts.sign_in(login=login, password=password, address=address)


def another(accounts: Accounts, administrator: Staff, login: str) -> UUID:
    token = accounts.invite(administrator, role="administrator", authority=None)
    return accounts.register(token, login=login, name=login.title(), password=PASSWORD)


def fails(accounts: Accounts, login: str, *, address: str = HERE, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(NotSignedIn):
            signed_in(accounts, login, password="wrong", address=address)


@pytest.mark.parametrize("login", ["administrator", "nobody of this name"])
def test_after_five_failures_even_the_right_password_waits(
    accounts: Accounts, administrator: Staff, clock: FakeClock, hasher: Counting, login: str
) -> None:
    clock.pass_(minutes=1)
    fails(accounts, login, times=MOST_OF_PAIR)
    looked = hasher.looked
    clock.pass_(minutes=5)
    with pytest.raises(TooMany, match="Try again in 10 minutes") as refused:
        signed_in(accounts, login)
    assert refused.value.seconds == 600
    with pytest.raises(TooMany):
        accounts.may_sign_in(login=login, address=HERE)
    assert hasher.looked == looked
    clock.pass_(minutes=9, seconds=30)
    with pytest.raises(TooMany, match="in one minute"):
        signed_in(accounts, login)
    clock.pass_(seconds=30)
    accounts.may_sign_in(login=login, address=HERE)


def test_being_refused_makes_the_wait_no_longer(
    accounts: Accounts, administrator: Staff, clock: FakeClock
) -> None:
    fails(accounts, "administrator", times=MOST_OF_PAIR)
    for _ in range(20):
        with pytest.raises(TooMany):
            signed_in(accounts, "administrator")
    clock.pass_(minutes=15)
    assert signed_in(accounts, "administrator")


def test_failures_elsewhere_do_not_shut_out_who_knows_the_password(
    accounts: Accounts, administrator: Staff
) -> None:
    fails(accounts, "administrator", address=THERE, times=MOST_OF_PAIR)
    with pytest.raises(TooMany):
        signed_in(accounts, "administrator", address=THERE)
    assert signed_in(accounts, "administrator", address=HERE)
    with pytest.raises(TooMany):
        signed_in(accounts, "administrator", address=THERE)


def test_a_right_password_starts_the_count_again(
    accounts: Accounts, administrator: Staff, journal: Journal
) -> None:
    for _ in range(3):
        fails(accounts, "administrator", times=MOST_OF_PAIR - 1)
        assert signed_in(accounts, "administrator")
    with journal.reading() as tx:
        assert tx.exec(select(Attempt)).all() == []


def test_an_address_and_a_login_have_limits_of_their_own(journal: Journal, tmp_path: Path) -> None:
    attempts = Attempts(servicekey.at(tmp_path / "service.key"))

    def enter(login: str, address: str) -> None:
        with journal.transaction() as tx:
            attempts.enter(tx, attempts.who(login, address), journal.clock())

    for n in range(MOST_OF_ADDRESS):
        enter(f"login {n}", HERE)
    with pytest.raises(TooMany):
        enter("another login", HERE)
    enter("another login", THERE)
    for n in range(MOST_OF_LOGIN):
        enter("coordinator", f"198.51.100.{n}")
    with pytest.raises(TooMany):
        enter("coordinator", "203.0.113.1")
    enter("clerk", "203.0.113.1")


def test_old_failures_are_forgotten(accounts: Accounts, journal: Journal, clock: FakeClock) -> None:
    fails(accounts, "nobody", times=4)
    clock.pass_(seconds=WINDOW.total_seconds())
    fails(accounts, "somebody")
    with journal.reading() as tx:
        assert len(tx.exec(select(Attempt)).all()) == 1


def test_nobody_reads_in_the_database_who_tried(accounts: Accounts, journal: Journal, tmp_path: Path) -> None:
    fails(accounts, "judge", address=HERE)
    with journal.reading() as tx:
        row = tx.exec(select(Attempt)).one()
    other = servicekey.ServiceKey(b"another key of thirty-two bytes.")
    assert row.login not in {tokens.digest("judge"), other.digest("judge", "login")}
    assert row.login == servicekey.at(tmp_path / "service.key").digest("judge", "login")
    assert row.login != servicekey.at(tmp_path / "service.key").digest("judge", "address")
    for file in tmp_path.glob("test.db*"):
        assert HERE.encode() not in file.read_bytes()
        assert b"judge" not in file.read_bytes()


def test_many_at_the_same_moment_do_not_slip_past_the_count(
    accounts: Accounts, administrator: Staff, hasher: Counting
) -> None:
    hasher.looked = 0
    told: list[type[Exception]] = []

    def try_once() -> None:
        try:
            signed_in(accounts, "administrator", password="wrong")
        except (NotSignedIn, TooMany) as refusal:
            told.append(type(refusal))

    threads = [threading.Thread(target=try_once) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert hasher.looked == told.count(NotSignedIn) == MOST_OF_PAIR
    assert told.count(TooMany) == 16 - MOST_OF_PAIR


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:0db8::0001", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::2"),
    ],
)
def test_addresses_of_one_subscriber_count_as_one(one: str, other: str) -> None:
    assert network(one) == network(other)


def test_neighbours_count_apart() -> None:
    assert network("192.0.2.1") != network("192.0.2.2")
    assert network("2001:db8:1:2::1") != network("2001:db8:1:3::1")
    assert network("") == ""
    assert network("no address") == "no address"


def test_a_login_lasts_ten_hours_and_not_longer(
    accounts: Accounts, administrator: Staff, clock: FakeClock
) -> None:
    token = signed_in(accounts, "administrator")
    for _ in range(19):
        clock.pass_(minutes=30)
        accounts.staff(token)
    clock.pass_(minutes=30)
    with pytest.raises(NotSignedIn, match="Sign in first"):
        accounts.staff(token)
    assert clock.now == dt.datetime(2026, 11, 23, 9, tzinfo=dt.UTC) + LOGIN


def test_an_hour_without_a_request_ends_a_login(
    accounts: Accounts, administrator: Staff, clock: FakeClock
) -> None:
    token = signed_in(accounts, "administrator")
    clock.pass_(minutes=59)
    accounts.staff(token)
    clock.pass_(minutes=59)
    accounts.staff(token)
    clock.pass_(seconds=IDLE.total_seconds())
    with pytest.raises(NotSignedIn):
        accounts.staff(token)


def test_a_page_that_lies_open_keeps_no_login_alive(
    accounts: Accounts, administrator: Staff, clock: FakeClock
) -> None:
    token = signed_in(accounts, "administrator")
    for _ in range(5):
        clock.pass_(minutes=11)
        accounts.staff(token, request=False)
    clock.pass_(minutes=5)
    with pytest.raises(NotSignedIn):
        accounts.staff(token, request=False)


def test_requests_are_written_down_once_a_minute(
    accounts: Accounts, administrator: Staff, clock: FakeClock, journal: Journal
) -> None:
    token = signed_in(accounts, "administrator")
    written = set()
    for _ in range(120):
        clock.pass_(seconds=1)
        accounts.staff(token)
        with journal.reading() as tx:
            written.add(tx.get_one(Login, tokens.digest(token)).expires)
    assert len(written) == 3  # as it was at first, after one minute, after two


def test_signing_out_here_and_everywhere(accounts: Accounts, administrator: Staff) -> None:
    another(accounts, administrator, "colleague")
    first, second, third = (signed_in(accounts, "administrator") for _ in range(3))
    colleague = signed_in(accounts, "colleague")
    accounts.sign_out(first)
    with pytest.raises(NotSignedIn):
        accounts.staff(first)
    accounts.sign_out_everywhere(accounts.staff(second))
    for token in (second, third):
        with pytest.raises(NotSignedIn):
            accounts.staff(token)
    assert accounts.staff(colleague).name == "Colleague"


def test_an_account_that_ends_takes_its_logins_along(
    accounts: Accounts, administrator: Staff, journal: Journal, clock: FakeClock
) -> None:
    account = another(accounts, administrator, "colleague")
    token = signed_in(accounts, "colleague")
    colleague = accounts.staff(token)
    accounts.end(colleague, administrator.account)
    with pytest.raises(NotNow, match="last administrator"):
        accounts.end(colleague, account)
    assert accounts.staff(token)
    with pytest.raises(NotSignedIn):
        signed_in(accounts, "administrator")
    with pytest.raises(AlreadyDone):
        accounts.end(colleague, administrator.account)
    with pytest.raises(NotFound):
        accounts.end(colleague, uuid4())
    with journal.reading() as tx:
        ended = tx.exec(select(Login).where(Login.account_id == administrator.account)).all()
        assert ended
        assert {row.ended for row in ended} == {clock.now}
    listed = {row.login: row.ended is not None for row in accounts.accounts(colleague)}
    assert listed == {"administrator": True, "colleague": False}


def test_what_is_an_administrators(accounts: Accounts, administrator: Staff) -> None:
    authority = Authority(
        id=uuid4(),
        name="Court of Exampleton",
        state="NL",
        zone="Europe/Amsterdam",
        language="en",
        email="",
        phone="",
    )
    accounts.found_authority(administrator, authority)
    token = accounts.invite(administrator, role="clerk", authority=authority.id)
    accounts.register(token, login="clerk", name="Clerk A", password=PASSWORD)
    clerk = accounts.staff(signed_in(accounts, "clerk"))
    for verb in (
        lambda: accounts.accounts(clerk),
        lambda: accounts.invitations(clerk),
        lambda: accounts.withdraw(clerk, b""),
        lambda: accounts.end(clerk, administrator.account),
    ):
        with pytest.raises(NotAllowed, match="administrator"):
            verb()


def test_invitations_are_listed_withdrawn_and_run_out(
    accounts: Accounts, administrator: Staff, clock: FakeClock
) -> None:
    used, withdrawn, kept = (
        accounts.invite(administrator, role="administrator", authority=None) for _ in range(3)
    )
    accounts.register(used, login="colleague", name="Colleague", password=PASSWORD)
    assert len(accounts.invitations(administrator)) == 2
    accounts.withdraw(administrator, tokens.digest(withdrawn))
    assert [row.digest for row in accounts.invitations(administrator)] == [tokens.digest(kept)]
    with pytest.raises(NotFound):
        accounts.register(withdrawn, login="other", name="Other", password=PASSWORD)
    with pytest.raises(NotFound):
        accounts.withdraw(administrator, tokens.digest(withdrawn))
    with pytest.raises(AlreadyDone):
        accounts.withdraw(administrator, tokens.digest(used))
    clock.pass_(seconds=INVITATION.total_seconds() + 1)
    assert accounts.invitations(administrator) == []


def test_an_earlier_first_invitation_opens_nothing(accounts: Accounts) -> None:
    old, new = accounts.first_invitation(), accounts.first_invitation()
    assert old
    assert new
    with pytest.raises(NotFound):
        accounts.register(old, login="stranger", name="Stranger", password=PASSWORD)
    accounts.register(new, login="administrator", name="Administrator", password=PASSWORD)
    assert accounts.first_invitation() is None


def test_who_has_no_invitation_makes_nobody_hash(accounts: Accounts) -> None:
    with pytest.raises(NotFound):
        accounts.register("guessed", login="stranger", name="Stranger", password="short")


def test_a_new_password_needs_the_old_one_and_ends_the_other_logins(
    accounts: Accounts, administrator: Staff
) -> None:
    here, elsewhere = signed_in(accounts, "administrator"), signed_in(accounts, "administrator")
    with pytest.raises(NotValid) as wrong:
        accounts.change_password(here, old="wrong", new="another good password", address=HERE)
    assert wrong.value.field == "password"
    with pytest.raises(NotValid) as short:
        accounts.change_password(here, old=PASSWORD, new="short", address=HERE)
    assert short.value.field == "password_new"
    assert accounts.staff(elsewhere)
    accounts.change_password(here, old=PASSWORD, new="another good password", address=HERE)
    assert accounts.staff(here)
    with pytest.raises(NotSignedIn):
        accounts.staff(elsewhere)
    fails(accounts, "administrator")
    with pytest.raises(NotSignedIn):
        signed_in(accounts, "administrator", password=PASSWORD)
    assert signed_in(accounts, "administrator", password="another good password")
    with pytest.raises(NotSignedIn):
        accounts.change_password("no login", old=PASSWORD, new="another good password")


def test_whoever_found_an_open_browser_cannot_try_old_passwords_without_end(
    accounts: Accounts, administrator: Staff
) -> None:
    token = signed_in(accounts, "administrator")
    for _ in range(MOST_OF_PAIR):
        with pytest.raises(NotValid):
            accounts.change_password(token, old="wrong", new="another good password", address=HERE)
    with pytest.raises(TooMany):
        accounts.change_password(token, old=PASSWORD, new="another good password", address=HERE)


def test_a_sign_in_that_a_new_password_overtakes_does_not_stand(
    accounts: Accounts, administrator: Staff, journal: Journal
) -> None:
    token = signed_in(accounts, "administrator")

    class Overtaken(Counting):
        def verify(self, hashed: str | bytes, password: str | bytes) -> bool:
            right = super().verify(hashed, password)
            accounts._hasher = Counting()
            accounts.change_password(token, old=PASSWORD, new="another good password", address=THERE)
            return right

    accounts._hasher = Overtaken()
    with pytest.raises(NotSignedIn, match="changed in this very moment"):
        signed_in(accounts, "administrator")
    with journal.reading() as tx:
        assert len(tx.exec(select(Login).where(col(Login.ended).is_(None))).all()) == 1


def test_a_password_is_hashed_anew_when_the_cost_has_risen(
    accounts: Accounts, administrator: Staff, journal: Journal
) -> None:
    def kept() -> str:
        with journal.reading() as tx:
            return tx.get_one(Account, administrator.account).password

    before = kept()
    signed_in(accounts, "administrator")
    assert kept() == before
    accounts._hasher = Counting(time_cost=2)
    signed_in(accounts, "administrator")
    assert "t=2" in kept()
    assert signed_in(accounts, "administrator")
