"""Staff: accounts, one-time invitations, and the browsers that are signed in.

A password is kept as an argon2id hash, an invitation and a login only as the digest of their token. What
does not open is refused in one sentence that does not say which part was wrong, and takes as long; who tries
too often is refused before the password is looked at (`attempts`). A login ends ten hours after it began, after
an hour without a request, when its owner says so here or everywhere or changes the password, and with the account.

What takes a password hashes it, which takes a core and 64 MiB for a tenth of a second: the caller sees to it
that few of these run at once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlmodel import Session, col, delete, select, update

from hearings import tokens
from hearings.attempts import Attempts
from hearings.errors import AlreadyDone, NotAllowed, NotFound, NotNow, NotSignedIn, NotValid
from hearings.journal import Journal
from hearings.sentences import say
from hearings.servicekey import ServiceKey
from hearings.tables import Account, Authority, Invitation, Login

LOGIN = timedelta(hours=10)
IDLE = timedelta(minutes=60)
SLIDING = timedelta(minutes=1)
INVITATION = timedelta(days=14)
SHORTEST_PASSWORD = 12
ADMINISTRATOR = "administrator"
ROLES = ("coordinator", "judge", "clerk", ADMINISTRATOR)


@dataclass(frozen=True)
class Staff:
    """A member of staff who is signed in."""

    account: UUID
    name: str
    role: str
    authority: UUID | None


class Accounts:
    def __init__(self, journal: Journal, key: ServiceKey, *, hasher: PasswordHasher | None = None) -> None:
        self._journal = journal
        self._attempts = Attempts(key)
        self._hasher = hasher or PasswordHasher()
        self._nobody = self._hasher.hash(tokens.fresh())

    def first_invitation(self) -> str | None:
        """The token that makes the first administrator; None once there is an account. An earlier one opens
        nothing any more.
        """
        with self._journal.transaction() as tx:
            if tx.exec(select(Account.id).limit(1)).first() is not None:
                return None
            tx.exec(delete(Invitation))
            return self._invite(tx, ADMINISTRATOR, None)

    def invite(self, staff: Staff, *, role: str, authority: UUID | None) -> str:
        """A token that makes one account of this role. For administrators."""
        _administrator(staff)
        if role not in ROLES:
            raise NotValid(say("“{role}” is none of the roles of staff.", role=role), field="role")
        if role == ADMINISTRATOR and authority is not None:
            raise NotValid(say("An administrator belongs to no authority."), field="authority")
        with self._journal.transaction() as tx:
            if role != ADMINISTRATOR and (authority is None or tx.get(Authority, authority) is None):
                raise NotValid(say("Say for which authority."), field="authority")
            return self._invite(tx, role, authority)

    def _invite(self, tx: Session, role: str, authority: UUID | None) -> str:
        token = tokens.fresh()
        now = self._journal.clock()
        tx.add(Invitation(digest=tokens.digest(token), role=role, authority_id=authority, created=now))
        return token

    def invitations(self, staff: Staff) -> list[Invitation]:
        """Those that still open something, the newest first. For administrators."""
        _administrator(staff)
        with self._journal.reading() as tx:
            return list(
                tx.exec(
                    select(Invitation)
                    .where(
                        col(Invitation.used).is_(None),
                        Invitation.created >= self._journal.clock() - INVITATION,
                    )
                    .order_by(col(Invitation.created).desc())
                )
            )

    def withdraw(self, staff: Staff, digest: bytes) -> None:
        """The invitation opens nothing any more. For administrators. Raises: NotFound, AlreadyDone."""
        _administrator(staff)
        with self._journal.transaction() as tx:
            invitation = tx.get(Invitation, digest, with_for_update=True)
            if invitation is None:
                raise NotFound(say("There is no such invitation."))
            if invitation.used is not None:
                raise AlreadyDone(say("This invitation has been used. End the account that it made instead."))
            tx.delete(invitation)

    def invited(self, token: str) -> Invitation:
        """What the invitation is for; looking changes nothing. Raises: NotFound, AlreadyDone."""
        with self._journal.reading() as tx:
            return self._open(tx, token)

    def register(self, token: str, *, login: str, name: str, password: str) -> UUID:
        """Makes the account that the invitation is for. Raises: NotFound, AlreadyDone, NotValid."""
        self.invited(token)
        hashed = self._hashed(password, field="password")
        with self._journal.transaction() as tx:
            invitation = self._open(tx, token, lock=True)
            if tx.exec(select(Account.id).where(Account.login == login)).first() is not None:
                raise NotValid(say("This name is taken."), field="login")
            invitation.used = self._journal.clock()
            account = Account(
                id=uuid4(),
                login=login,
                name=name,
                role=invitation.role,
                authority_id=invitation.authority_id,
                password=hashed,
                created=invitation.used,
            )
            tx.add(account)
            return account.id

    def _open(self, tx: Session, token: str, *, lock: bool = False) -> Invitation:
        invitation = tx.get(Invitation, tokens.digest(token), with_for_update=lock)
        if invitation is None or invitation.created + INVITATION < self._journal.clock():
            raise NotFound(say("This invitation does not exist or has run out. Ask for a new one."))
        if invitation.used is not None:
            raise AlreadyDone(say("This invitation has been used. Sign in, or ask for a new one."))
        return invitation

    def may_sign_in(self, *, login: str, address: str) -> None:
        """Raises: TooMany. Quick: looks at no password."""
        with self._journal.reading() as tx:
            self._attempts.check(tx, self._attempts.who(login, address), self._journal.clock())

    def sign_in(self, *, login: str, password: str, address: str = "") -> str:
        """The token for the browser's cookie. `address`: where the request comes from.

        Raises: TooMany, NotSignedIn.
        """
        account = self._tried(login, password, address)
        if account is None:
            raise NotSignedIn(say("This name and password do not go together."))
        stale = self._hasher.check_needs_rehash(account.password)
        hashed = self._hasher.hash(password) if stale else account.password
        token = tokens.fresh()
        with self._journal.transaction() as tx:
            self._as_it_was(tx, account).password = hashed
            self._attempts.clear(tx, self._attempts.who(login, address))
            now = self._journal.clock()
            digest = tokens.digest(token)
            tx.add(Login(digest=digest, account_id=account.id, created=now, expires=now + IDLE))
        return token

    def change_password(self, token: str | None, *, old: str, new: str, address: str = "") -> None:
        """Of whoever is behind this cookie; ends their other logins.

        Raises: NotSignedIn, TooMany, and NotValid with field `password` (the old one) or `password_new`.
        """
        staff = self.staff(token)
        with self._journal.reading() as tx:
            login = tx.get_one(Account, staff.account).login
        account = self._tried(login, old, address)
        if account is None:
            raise NotValid(say("This is not the password that you have now."), field="password")
        hashed = self._hashed(new, field="password_new")
        with self._journal.transaction() as tx:
            self._as_it_was(tx, account).password = hashed
            self._attempts.clear(tx, self._attempts.who(login, address))
            self._end_logins(tx, account.id, but=tokens.digest(token or ""))

    def _tried(self, login: str, password: str, address: str) -> Account | None:
        """The account that opens with this. The attempt is counted; whoever succeeds clears it."""
        with self._journal.transaction() as tx:
            self._attempts.enter(tx, self._attempts.who(login, address), self._journal.clock())
        with self._journal.reading() as tx:
            account = tx.exec(
                select(Account).where(Account.login == login, col(Account.ended).is_(None))
            ).first()
        try:
            self._hasher.verify(account.password if account else self._nobody, password)
        except (VerificationError, InvalidHashError):
            return None
        return account

    def _as_it_was(self, tx: Session, account: Account) -> Account:
        """The row, locked, unless it was ended or got another password while this one was looked at."""
        row = tx.get(Account, account.id, with_for_update=True)
        if row is None or row.ended is not None or row.password != account.password:
            raise NotSignedIn(say("This account was changed in this very moment. Sign in again."))
        return row

    def _hashed(self, password: str, *, field: str) -> str:
        if len(password) < SHORTEST_PASSWORD:
            raise NotValid(say("A password has at least {n} characters.", n=SHORTEST_PASSWORD), field=field)
        return self._hasher.hash(password)

    def sign_out(self, token: str) -> None:
        with self._journal.transaction() as tx:
            login = tx.get(Login, tokens.digest(token))
            if login is not None and login.ended is None:
                login.ended = self._journal.clock()

    def sign_out_everywhere(self, staff: Staff) -> None:
        """Ends every login of this member of staff, the one that asks included."""
        with self._journal.transaction() as tx:
            self._end_logins(tx, staff.account)

    def staff(self, token: str | None, *, request: bool = True) -> Staff:
        """Who is behind a cookie. A request keeps the login open for another hour; a page that merely lies open
        and is looked after (`request=False`) does not. Raises: NotSignedIn.
        """
        with self._journal.reading() as tx:
            login = tx.get(Login, tokens.digest(token)) if token else None
            now = self._journal.clock()
            if login is None or login.account_id is None or login.ended is not None or login.expires <= now:
                raise NotSignedIn(say("Sign in first."))
            account = tx.get(Account, login.account_id)
            if account is None or account.ended is not None:
                raise NotSignedIn(say("Sign in first."))
        if request:
            self._keep_open(login, now)
        return Staff(account.id, account.name, account.role, account.authority_id)

    def _keep_open(self, login: Login, now: datetime) -> None:
        """Written once a minute at most, not at every request."""
        until = min(login.created + LOGIN, now + IDLE)
        if until - login.expires >= SLIDING:
            with self._journal.transaction() as tx:
                tx.exec(update(Login).where(col(Login.digest) == login.digest).values(expires=until))

    def account(self, staff: Staff) -> Account:
        """Their own."""
        with self._journal.reading() as tx:
            return tx.get_one(Account, staff.account)

    def accounts(self, staff: Staff) -> list[Account]:
        """Everybody, those whose account has ended included. For administrators."""
        _administrator(staff)
        with self._journal.reading() as tx:
            return list(tx.exec(select(Account).order_by(Account.name, Account.login)))

    def end(self, staff: Staff, account: UUID) -> None:
        """Closes an account and every login of it, for good. For administrators.

        Raises: NotFound, AlreadyDone, and NotNow for the last administrator.
        """
        _administrator(staff)
        with self._journal.transaction() as tx:
            administrators = tx.exec(
                select(Account.id)
                .where(Account.role == ADMINISTRATOR, col(Account.ended).is_(None))
                .order_by(col(Account.id))
                .with_for_update()
            ).all()
            row = tx.get(Account, account, with_for_update=True)
            if row is None:
                raise NotFound(say("There is no such account."))
            if row.ended is not None:
                raise AlreadyDone(say("This account has ended already."))
            if list(administrators) == [account]:
                raise NotNow(
                    say("This is the last administrator, and nothing is changed. Invite another one first.")
                )
            row.ended = self._journal.clock()
            self._end_logins(tx, account)

    def _end_logins(self, tx: Session, account: UUID, *, but: bytes = b"") -> None:
        tx.exec(
            update(Login)
            .where(col(Login.account_id) == account, col(Login.ended).is_(None), col(Login.digest) != but)
            .values(ended=self._journal.clock())
        )

    def found_authority(self, staff: Staff, authority: Authority) -> UUID:
        """Enters a court or authority. For administrators. Raises: NotValid."""
        _administrator(staff)
        _check_rule(authority)
        with self._journal.transaction() as tx:
            tx.add(authority)
            return authority.id

    def state_rule(
        self, staff: Staff, authority: UUID, *, keeps: int | None, gone: int | None, rule: str
    ) -> None:
        """For how many months recordings are kept here, from now on; None: until a rule is stated. For administrators.

        Raises: NotFound, NotValid.
        """
        _administrator(staff)
        with self._journal.transaction() as tx:
            row = tx.get(Authority, authority, with_for_update=True)
            if row is None:
                raise NotFound(say("There is no such authority."))
            row.keeps, row.gone, row.rule = keeps, gone, rule
            _check_rule(row)

    def authorities(self) -> list[Authority]:
        with self._journal.reading() as tx:
            return list(tx.exec(select(Authority).order_by(Authority.name)))


def _check_rule(row: Authority) -> None:
    """Whoever states a rule says where it is written, and leaves time for destroying. Raises: NotValid."""
    if row.keeps is None:
        if row.gone is not None:
            raise NotValid(say("Say first for how long they are kept."), field="keeps")
        return
    if row.gone is not None and row.gone <= row.keeps:
        raise NotValid(say("This must be longer than the time for which they are kept."), field="gone")
    if not row.rule:
        raise NotValid(
            say("Say where this is written: an article, or a decision of the court."), field="rule"
        )


def _administrator(staff: Staff) -> None:
    if staff.role != ADMINISTRATOR:
        raise NotAllowed(say("That is for an administrator."))
