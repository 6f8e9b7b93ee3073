"""Who acts: a person in a place, or a member of staff, and in which roles in this hearing."""

from dataclasses import dataclass
from uuid import UUID

from hearings.roles import Role, Side
from hearings.states import State, Verb, acting_role


@dataclass(frozen=True)
class Self:
    """One person behind the actor: handle, role, side."""

    handle: str
    role: Role
    side: Side


@dataclass(frozen=True)
class Actor:
    """Somebody known to the service, in one hearing. A place with several persons acts as any of them.

    `account` and `name` are those of a member of staff, who has no handle before their first act.
    """

    hearing: UUID
    people: tuple[Self, ...]
    place: UUID | None = None
    account: UUID | None = None
    name: str = ""

    @property
    def roles(self) -> tuple[Role, ...]:
        return tuple(person.role for person in self.people)

    def acting(self, state: State, verb: Verb) -> Self:
        """The person of this actor who may do this now. Raises: NotAllowed, NotNow."""
        role = acting_role(state, verb, self.roles)
        return next(person for person in self.people if person.role is role)


def service(hearing: UUID) -> Actor:
    """The service itself: the clock, the recorder, the watch over connections."""
    return Actor(hearing, (Self("service", Role.SERVICE, Side.REQUESTING),))
