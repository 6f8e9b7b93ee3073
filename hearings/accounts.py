"""Staff: accounts, one-time invitations, and the browsers that are signed in.

A password is kept as an argon2id hash, an invitation and a login only as the digest of their token. What
does not open is refused in one sentence that does not say which part was wrong, and takes as long.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlmodel import Session, col, select

from hearings import tokens
from hearings.errors import AlreadyDone, NotAllowed, NotFound, NotSignedIn, NotValid
from hearings.journal import Journal
from hearings.tables import Account, Authority, Invitation, Login

LOGIN = timedelta(hours=10)
INVITATION = timedelta(days=14)
SHORTEST_PASSWORD = 12
ROLES = ("coordinator", "judge", "clerk", "administrator")


@dataclass(frozen=True)
class Staff:
    """A member of staff who is signed in."""

    account: UUID
    name: str
    role: str
    authority: UUID | None


class Accounts:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._hasher = PasswordHasher()
        self._nobody = self._hasher.hash(tokens.fresh())

    def first_invitation(self) -> str | None:
        """The token that makes the first administrator; None once there is an account."""
        with self._journal.transaction() as tx:
            if tx.exec(select(Account.id).limit(1)).first() is not None:
                return None
            return self._invite(tx, "administrator", None)

    def invite(self, staff: Staff, *, role: str, authority: UUID | None) -> str:
        """A token that makes one account of this role. For administrators."""
        _administrator(staff)
        if role not in ROLES:
            raise NotValid(f"“{role}” is none of the roles of staff.", field="role")
        if role == "administrator" and authority is not None:
            raise NotValid("An administrator belongs to no authority.", field="authority")
        with self._journal.transaction() as tx:
            if role != "administrator" and (authority is None or tx.get(Authority, authority) is None):
                raise NotValid("Say for which authority.", field="authority")
            return self._invite(tx, role, authority)

    def _invite(self, tx: Session, role: str, authority: UUID | None) -> str:
        token = tokens.fresh()
        now = self._journal.clock()
        tx.add(Invitation(digest=tokens.digest(token), role=role, authority_id=authority, created=now))
        return token

    def register(self, token: str, *, login: str, name: str, password: str) -> UUID:
        """Makes the account that the invitation is for. Raises: NotFound, AlreadyDone, NotValid."""
        if len(password) < SHORTEST_PASSWORD:
            raise NotValid(f"A password has at least {SHORTEST_PASSWORD} characters.", field="password")
        hashed = self._hasher.hash(password)
        with self._journal.transaction() as tx:
            now = self._journal.clock()
            invitation = tx.get(Invitation, tokens.digest(token), with_for_update=True)
            if invitation is None or invitation.created + INVITATION < now:
                raise NotFound("This invitation does not exist or has run out. Ask for a new one.")
            if invitation.used is not None:
                raise AlreadyDone("This invitation has been used. Sign in, or ask for a new one.")
            if tx.exec(select(Account.id).where(Account.login == login)).first() is not None:
                raise NotValid("This name is taken.", field="login")
            invitation.used = now
            account = Account(
                id=uuid4(),
                login=login,
                name=name,
                role=invitation.role,
                authority_id=invitation.authority_id,
                password=hashed,
                created=now,
            )
            tx.add(account)
            return account.id

    def sign_in(self, *, login: str, password: str) -> str:
        """The token for the browser's cookie. Raises: NotSignedIn."""
        with self._journal.reading() as tx:
            account = tx.exec(
                select(Account).where(Account.login == login, col(Account.ended).is_(None))
            ).first()
        try:
            self._hasher.verify(account.password if account else self._nobody, password)
        except (VerificationError, InvalidHashError) as error:
            raise NotSignedIn("This name and password do not go together.") from error
        if account is None:
            raise NotSignedIn("This name and password do not go together.")
        token = tokens.fresh()
        with self._journal.transaction() as tx:
            now = self._journal.clock()
            tx.add(
                Login(digest=tokens.digest(token), account_id=account.id, created=now, expires=now + LOGIN)
            )
        return token

    def sign_out(self, token: str) -> None:
        with self._journal.transaction() as tx:
            login = tx.get(Login, tokens.digest(token))
            if login is not None:
                login.ended = self._journal.clock()

    def staff(self, token: str | None) -> Staff:
        """Who is behind a cookie. Raises: NotSignedIn."""
        with self._journal.reading() as tx:
            login = tx.get(Login, tokens.digest(token)) if token else None
            now = self._journal.clock()
            if login is None or login.account_id is None or login.ended is not None or login.expires < now:
                raise NotSignedIn("Sign in first.")
            account = tx.get(Account, login.account_id)
            if account is None or account.ended is not None:
                raise NotSignedIn("Sign in first.")
            return Staff(account.id, account.name, account.role, account.authority_id)

    def found_authority(self, staff: Staff, authority: Authority) -> UUID:
        """Enters a court or authority. For administrators."""
        _administrator(staff)
        with self._journal.transaction() as tx:
            tx.add(authority)
            return authority.id

    def authorities(self) -> list[Authority]:
        with self._journal.reading() as tx:
            return list(tx.exec(select(Authority).order_by(Authority.name)))


def _administrator(staff: Staff) -> None:
    if staff.role != "administrator":
        raise NotAllowed("That is for an administrator.")
