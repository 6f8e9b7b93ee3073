"""Who takes part in a hearing: roles, sides, capacities. Pure values."""

from enum import StrEnum

from hearings.sentences import Sentence, say


class Side(StrEnum):
    REQUESTING = "requesting"
    REQUESTED = "requested"


class Role(StrEnum):
    """What a person may do here (the state table says when)."""

    PRESIDING = "presiding"  # presiding judge, or the prosecutor who conducts
    PANEL = "panel"
    CLERK = "clerk"
    PROSECUTOR = "prosecutor"  # as a party
    DEFENCE = "defence"
    HEARD = "heard"  # the person heard; their capacity says as what
    LAWYER = "lawyer"  # of the person heard
    AUTHORITY = "authority"  # the authority present on the requested side
    INTERPRETER = "interpreter"
    SUPPORT = "support"
    TECHNICIAN = "technician"
    OBSERVER = "observer"
    COORDINATOR_REQUESTING = "coordinator-requesting"
    COORDINATOR_REQUESTED = "coordinator-requested"
    ADMINISTRATOR = "administrator"
    SERVICE = "service"  # the clock, the recorder, the connection watch


class Capacity(StrEnum):
    """As what a person is heard; decides which safeguards apply."""

    WITNESS = "witness"
    EXPERT = "expert"
    VICTIM = "victim"
    SUSPECT = "suspect"
    ACCUSED = "accused"
    SOUGHT = "sought"


class Circumstance(StrEnum):
    """What is so of a person heard, and brings further safeguards."""

    CHILD = "child"
    CUSTODY = "custody"
    PROTECTED = "protected"
    NEEDS = "needs"
    INTERPRETER = "interpreter"


COORDINATORS = frozenset({Role.COORDINATOR_REQUESTING, Role.COORDINATOR_REQUESTED})

COURT = COORDINATORS | {Role.PRESIDING, Role.CLERK, Role.AUTHORITY}
"""Who conducts a hearing or looks after it: they see the whole of it, and read what is written to the court."""

READERS = COURT | {Role.PANEL}
"""Who reads the record and listens to the recording."""

UNSEALERS = frozenset({Role.PRESIDING, Role.CLERK, Role.AUTHORITY})
"""Who opens what the court sealed: two together, of whom one presides and the other does not."""

OVERSEERS = COURT | {Role.PANEL}
"""Who sees the pages of the whole hearing; everybody else has their own place alone."""

COUNSEL = frozenset({Role.LAWYER, Role.DEFENCE})
"""With whom the person heard may speak in private."""

TAKERS = READERS | COUNSEL | {Role.PROSECUTOR}
"""Who takes the record along, each in the version that is for them (`redaction.MAY_TAKE`)."""

CONFIDANTS = COUNSEL | {Role.HEARD}
"""Who may ask for a private consultation, and end the one that they are in."""

REQUIRED = frozenset({Role.PRESIDING, Role.HEARD, Role.AUTHORITY, Role.INTERPRETER, Role.LAWYER})
"""A sitting on the record is suspended when one of these is lost."""

NEVER_WAIT = frozenset({Role.PRESIDING, Role.PANEL, Role.CLERK})
"""Those who may admit others are in the room as soon as it is open."""

OFFICE: dict[Role, Sentence] = {
    Role.PRESIDING: say("presiding judge or prosecutor"),
    Role.PANEL: say("member of the panel"),
    Role.CLERK: say("clerk"),
    Role.PROSECUTOR: say("prosecutor"),
    Role.DEFENCE: say("defence counsel"),
    Role.HEARD: say("person heard"),
    Role.LAWYER: say("lawyer of the person heard"),
    Role.AUTHORITY: say("authority present on the requested side"),
    Role.INTERPRETER: say("interpreter"),
    Role.SUPPORT: say("support person"),
    Role.TECHNICIAN: say("technician"),
    Role.OBSERVER: say("observer"),
    Role.COORDINATOR_REQUESTING: say("coordinator of the requesting side"),
    Role.COORDINATOR_REQUESTED: say("coordinator of the requested side"),
    Role.ADMINISTRATOR: say("administrator"),
    Role.SERVICE: say("the service"),
}

CIRCUMSTANCE: dict[Circumstance, Sentence] = {
    Circumstance.CHILD: say("is under 18 years old, or may be"),
    Circumstance.CUSTODY: say("is in custody"),
    Circumstance.PROTECTED: say("is to be protected"),
    Circumstance.NEEDS: say("needs help to see, hear, speak or follow"),
    Circumstance.INTERPRETER: say("needs an interpreter"),
}
