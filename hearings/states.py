"""The states of a hearing and who may do what in each: one table, nothing else decides.

Read a row as: in these states, this verb is open to these roles and leads there. A verb that leads
nowhere (`to` is None) leaves the state as it is. `RESUME` leads back to where the hearing was suspended.
What is missing is refused. The gates (what must be met before) are `checklist`'s.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from hearings.errors import NotAllowed, NotNow
from hearings.roles import CONFIDANTS, COORDINATORS, COURT, OFFICE, READERS, TAKERS, UNSEALERS, Role
from hearings.sentences import Sentence, any_of, say


class State(StrEnum):
    REQUESTED = "requested"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    SCHEDULED = "scheduled"
    CANCELLED = "cancelled"
    OPEN = "open"
    ON_RECORD = "on-record"
    EXAMINING = "examining"
    SUSPENDED = "suspended"
    ADJOURNED = "adjourned"
    ENDED = "ended"
    CLOSED = "closed"
    DESTROYED = "destroyed"


class Verb(StrEnum):
    ACCEPT = "accept"
    DECLINE = "decline"
    PROPOSE = "propose"
    SCHEDULE = "schedule"
    CANCEL = "cancel"
    POSTPONE = "postpone"
    PUT_OFF = "put-off"
    GO_ON_AS_PLANNED = "go-on-as-planned"
    OPEN_ROOM = "open-room"
    GO_ON_RECORD = "go-on-record"
    EXAMINE = "examine"
    GO_OFF_RECORD = "go-off-record"
    SUSPEND = "suspend"
    RESUME = "resume"
    ADJOURN = "adjourn"
    END = "end"
    CLOSE = "close"
    CONSULT = "consult"
    # these leave the state as it is
    ACKNOWLEDGE = "acknowledge"
    SET_TURNS = "set-turns"
    DELAY = "delay"
    CONFIRM_CHANGE = "confirm-change"
    FOLLOW_CLOCKS = "follow-clocks"
    END_LINKS = "end-links"
    CHOOSE_INSTRUMENT = "choose-instrument"
    FILE = "file"
    SEAT = "seat"
    DESCRIBE = "describe"
    LINK = "link"
    ARRANGE_TEST = "arrange-test"
    HOLD_TEST = "hold-test"
    HAND_OVER = "hand-over"
    ADMIT = "admit"
    DISMISS = "dismiss"
    MUTE = "mute"
    ASK_CONSULTATION = "ask-consultation"
    DECLINE_CONSULTATION = "decline-consultation"
    END_CONSULTATION = "end-consultation"
    GIVE_CHANNEL = "give-channel"
    INTERVENE = "intervene"
    INTERRUPT = "interrupt"
    SETTLE = "settle"
    STOP = "stop"
    CLAIM = "claim"
    RULE = "rule"
    OBJECT = "object"
    DECIDE = "decide"
    IDENTIFY = "identify"
    SEAL = "seal"
    END_SEALING = "end-sealing"
    ASK_UNSEALING = "ask-unsealing"
    ANSWER_UNSEALING = "answer-unsealing"
    CONFIRM = "confirm"
    OVERRIDE = "override"
    ASK_CONSENT = "ask-consent"
    DECLARE = "declare"
    REVOKE_CONSENT = "revoke-consent"
    OATH = "oath"
    WARN = "warn"
    EXHIBIT = "exhibit"
    REPORT = "report"
    NOTE = "note"
    WRITE = "write"
    WORD = "word"
    READ_MINUTES = "read-minutes"
    READ_OUT = "read-out"
    EXPLAIN = "explain"
    KEEP_ELSEWHERE = "keep-elsewhere"
    SIGN_MINUTES = "sign-minutes"
    LISTEN = "listen"
    TAKE_ALONG = "take-along"
    PROTECT = "protect"
    LIFT_PROTECTION = "lift-protection"
    PUBLISH = "publish"
    SEND = "send"
    TAKE_RECEIPT = "take-receipt"
    HOLD = "hold"
    LIFT_HOLD = "lift-hold"
    DESTROY = "destroy"


class Rule(NamedTuple):
    states: frozenset[State]
    roles: frozenset[Role]
    to: State | None


_BEFORE = frozenset({State.ACCEPTED, State.SCHEDULED, State.ADJOURNED})
OPENED = frozenset({State.OPEN, State.ON_RECORD, State.EXAMINING, State.SUSPENDED})
ON = frozenset({State.ON_RECORD, State.EXAMINING})
_PLANNED = OPENED | {State.SCHEDULED}
_HEARD_BACK = OPENED | {State.ADJOURNED, State.ENDED, State.CLOSED}
_LIVING = frozenset(State) - {State.DECLINED, State.CANCELLED, State.CLOSED, State.DESTROYED}
_ANSWERED = OPENED | {State.ENDED}
_BENCH = frozenset({Role.PRESIDING})
_SERVICE = frozenset({Role.SERVICE})
_AUTHORITY = frozenset({Role.AUTHORITY})
_CLERKS = frozenset({Role.PRESIDING, Role.CLERK})
_PLANNERS = COORDINATORS | _BENCH
_TESTERS = COORDINATORS | {Role.CLERK}
_REQUESTED = frozenset({Role.COORDINATOR_REQUESTED, Role.AUTHORITY})
_SEATED = frozenset(Role) - {Role.SERVICE, Role.ADMINISTRATOR}
_EVERYONE = _SEATED - {Role.OBSERVER}
_REVOKERS = CONFIDANTS | {Role.AUTHORITY, Role.CLERK, Role.PRESIDING}

TABLE: dict[Verb, tuple[Rule, ...]] = {
    Verb.ACCEPT: (Rule(frozenset({State.REQUESTED}), _REQUESTED, State.ACCEPTED),),
    Verb.DECLINE: (Rule(frozenset({State.REQUESTED}), _REQUESTED, State.DECLINED),),
    Verb.PROPOSE: (Rule(_BEFORE, _PLANNERS, None),),
    Verb.SCHEDULE: (Rule(_BEFORE, _PLANNERS, State.SCHEDULED),),
    Verb.CANCEL: (Rule(_BEFORE, _PLANNERS, State.CANCELLED),),
    Verb.POSTPONE: (Rule(frozenset({State.SCHEDULED}), _PLANNERS, State.ACCEPTED),),
    Verb.PUT_OFF: (Rule(frozenset({State.SCHEDULED}), _PLANNERS, State.ADJOURNED),),
    Verb.GO_ON_AS_PLANNED: (Rule(frozenset({State.OPEN, State.SUSPENDED}), _BENCH, State.SCHEDULED),),
    Verb.OPEN_ROOM: (
        Rule(frozenset({State.SCHEDULED}), _CLERKS | COORDINATORS | {Role.SERVICE}, State.OPEN),
    ),
    Verb.GO_ON_RECORD: (Rule(frozenset({State.OPEN}), _BENCH, State.ON_RECORD),),
    Verb.EXAMINE: (Rule(frozenset({State.ON_RECORD}), _BENCH, State.EXAMINING),),
    Verb.GO_OFF_RECORD: (Rule(ON, _CLERKS, State.OPEN),),
    Verb.SUSPEND: (Rule(ON | {State.OPEN}, _BENCH | {Role.AUTHORITY, Role.SERVICE}, State.SUSPENDED),),
    Verb.RESUME: (Rule(frozenset({State.SUSPENDED}), _BENCH, State.SUSPENDED),),
    Verb.ADJOURN: (Rule(frozenset({State.OPEN, State.SUSPENDED}), _BENCH, State.ADJOURNED),),
    Verb.END: (Rule(frozenset({State.OPEN, State.SUSPENDED}), _BENCH, State.ENDED),),
    Verb.CLOSE: (Rule(frozenset({State.ENDED}), frozenset({Role.CLERK}), State.CLOSED),),
    Verb.CONSULT: (
        Rule(ON, _BENCH, State.SUSPENDED),
        Rule(frozenset({State.OPEN, State.SUSPENDED}), _BENCH, None),
    ),
    Verb.ACKNOWLEDGE: (Rule(frozenset({State.REQUESTED}), _REQUESTED, None),),
    Verb.SET_TURNS: (Rule(_PLANNED, _PLANNERS | {Role.CLERK}, None),),
    Verb.DELAY: (Rule(_PLANNED, _PLANNERS | {Role.CLERK, Role.AUTHORITY}, None),),
    Verb.CONFIRM_CHANGE: (
        Rule(
            _BEFORE | OPENED | {State.CANCELLED, State.ENDED},
            _PLANNERS | {Role.CLERK, Role.AUTHORITY},
            None,
        ),
    ),
    Verb.FOLLOW_CLOCKS: (Rule(_BEFORE, _SERVICE, None),),
    Verb.END_LINKS: (Rule(frozenset({State.DECLINED, State.CANCELLED, State.CLOSED}), _SERVICE, None),),
    Verb.CHOOSE_INSTRUMENT: (
        Rule(frozenset({State.REQUESTED, State.ACCEPTED, State.SCHEDULED}), _PLANNERS, None),
    ),
    Verb.FILE: (Rule(_LIVING, _PLANNERS | {Role.CLERK, Role.AUTHORITY}, None),),
    Verb.SEAT: (Rule(_LIVING - {State.ENDED}, _PLANNERS | {Role.CLERK}, None),),
    Verb.DESCRIBE: (Rule(_LIVING - {State.ENDED}, _PLANNERS | {Role.CLERK, Role.AUTHORITY}, None),),
    Verb.LINK: (Rule(_LIVING, _PLANNERS | {Role.CLERK}, None),),
    Verb.ARRANGE_TEST: (Rule(_BEFORE, _TESTERS, None),),
    Verb.HOLD_TEST: (Rule(_BEFORE | OPENED, _TESTERS, None),),
    Verb.HAND_OVER: (Rule(_LIVING, _SEATED, None),),
    Verb.ADMIT: (Rule(OPENED, _CLERKS, None),),
    Verb.DISMISS: (Rule(OPENED, _CLERKS, None),),
    Verb.MUTE: (Rule(OPENED, _CLERKS, None),),
    Verb.ASK_CONSULTATION: (Rule(OPENED, CONFIDANTS, None),),
    Verb.DECLINE_CONSULTATION: (Rule(OPENED, _BENCH, None),),
    Verb.END_CONSULTATION: (Rule(OPENED, _BENCH | CONFIDANTS | {Role.SERVICE}, None),),
    Verb.GIVE_CHANNEL: (Rule(OPENED, _CLERKS | COORDINATORS, None),),
    Verb.INTERVENE: (Rule(OPENED, _AUTHORITY, None),),
    Verb.INTERRUPT: (
        Rule(ON | {State.OPEN}, _AUTHORITY, State.SUSPENDED),
        Rule(frozenset({State.SUSPENDED}), _AUTHORITY, None),
    ),
    Verb.SETTLE: (Rule(_ANSWERED, _AUTHORITY, None),),
    Verb.STOP: (
        Rule(ON | {State.OPEN}, _AUTHORITY, State.SUSPENDED),
        Rule(frozenset({State.SUSPENDED, State.ENDED}), _AUTHORITY, None),
    ),
    Verb.CLAIM: (Rule(OPENED, CONFIDANTS | _CLERKS | _AUTHORITY, None),),
    Verb.RULE: (Rule(_ANSWERED, _BENCH | _AUTHORITY, None),),
    Verb.OBJECT: (Rule(OPENED, CONFIDANTS | _BENCH | _AUTHORITY, None),),
    Verb.DECIDE: (Rule(_ANSWERED, _BENCH, None),),
    Verb.IDENTIFY: (Rule(OPENED, _AUTHORITY, None),),
    Verb.SEAL: (Rule(OPENED, _BENCH, None),),
    Verb.END_SEALING: (Rule(OPENED, _BENCH, None),),
    Verb.ASK_UNSEALING: (Rule(_HEARD_BACK, UNSEALERS, None),),
    Verb.ANSWER_UNSEALING: (Rule(_HEARD_BACK, UNSEALERS, None),),
    Verb.CONFIRM: (Rule(_LIVING, _EVERYONE, None),),
    Verb.OVERRIDE: (Rule(_LIVING, _EVERYONE, None),),
    Verb.ASK_CONSENT: (Rule(_LIVING, COURT, None),),
    Verb.DECLARE: (Rule(_LIVING, COURT | {Role.HEARD}, None),),
    Verb.REVOKE_CONSENT: (
        Rule(ON, _REVOKERS, State.SUSPENDED),
        Rule(_LIVING - ON, _REVOKERS, None),
    ),
    Verb.OATH: (Rule(ON, _BENCH | _AUTHORITY, None),),
    Verb.WARN: (Rule(ON, _BENCH | _AUTHORITY, None),),
    Verb.EXHIBIT: (Rule(ON, _CLERKS, None),),
    Verb.REPORT: (Rule(_ANSWERED, _BENCH | _AUTHORITY, None),),
    Verb.NOTE: (Rule(OPENED | {State.ENDED}, _CLERKS | {Role.AUTHORITY}, None),),
    Verb.WRITE: (Rule(_LIVING, _SEATED, None),),
    Verb.WORD: (Rule(frozenset({State.ENDED}), _CLERKS | _AUTHORITY, None),),
    Verb.READ_MINUTES: (Rule(frozenset({State.ENDED}), CONFIDANTS | {Role.INTERPRETER}, None),),
    Verb.READ_OUT: (Rule(frozenset({State.ENDED}), _CLERKS | _AUTHORITY, None),),
    Verb.EXPLAIN: (Rule(frozenset({State.ENDED}), _CLERKS | _AUTHORITY, None),),
    Verb.KEEP_ELSEWHERE: (Rule(frozenset({State.ENDED}), _CLERKS, None),),
    Verb.SIGN_MINUTES: (Rule(frozenset({State.ENDED}), _BENCH | _AUTHORITY, None),),
    Verb.LISTEN: (Rule(_HEARD_BACK, READERS, None),),
    Verb.TAKE_ALONG: (Rule(frozenset({State.CLOSED}), TAKERS, None),),
    Verb.PROTECT: (Rule(_LIVING | {State.CLOSED}, _BENCH | _AUTHORITY, None),),
    Verb.LIFT_PROTECTION: (Rule(_LIVING | {State.CLOSED}, _BENCH | _AUTHORITY, None),),
    Verb.PUBLISH: (Rule(frozenset({State.CLOSED}), _SERVICE, None),),
    Verb.SEND: (Rule(frozenset({State.CLOSED}), _CLERKS, None),),
    Verb.TAKE_RECEIPT: (Rule(frozenset({State.CLOSED}), _SERVICE, None),),
    Verb.HOLD: (Rule(frozenset({State.CLOSED}), _CLERKS | _REQUESTED, None),),
    Verb.LIFT_HOLD: (Rule(frozenset({State.CLOSED}), _CLERKS | _REQUESTED, None),),
    Verb.DESTROY: (Rule(frozenset({State.CLOSED}), _CLERKS, State.DESTROYED),),
}

SAID: dict[State, Sentence] = {
    State.REQUESTED: say("requested and not yet answered"),
    State.ACCEPTED: say("accepted and not yet scheduled"),
    State.DECLINED: say("declined"),
    State.SCHEDULED: say("scheduled"),
    State.CANCELLED: say("cancelled"),
    State.OPEN: say("open and not on the record"),
    State.ON_RECORD: say("on the record"),
    State.EXAMINING: say("on the record, with the examination under way"),
    State.SUSPENDED: say("suspended"),
    State.ADJOURNED: say("adjourned"),
    State.ENDED: say("ended"),
    State.CLOSED: say("closed"),
    State.DESTROYED: say("destroyed"),
}
ACT: dict[Verb, Sentence] = {
    Verb.ACCEPT: say("accept the request"),
    Verb.DECLINE: say("decline the request"),
    Verb.PROPOSE: say("propose a time"),
    Verb.SCHEDULE: say("fix the time"),
    Verb.CANCEL: say("cancel the hearing"),
    Verb.POSTPONE: say("postpone the hearing"),
    Verb.PUT_OFF: say("postpone the next sitting"),
    Verb.GO_ON_AS_PLANNED: say("adjourn to the next sitting that is planned"),
    Verb.ACKNOWLEDGE: say("acknowledge the receipt of the request"),
    Verb.SET_TURNS: say("set who comes when"),
    Verb.DELAY: say("say that the hearing runs late"),
    Verb.CONFIRM_CHANGE: say("confirm a change of the other side"),
    Verb.FOLLOW_CLOCKS: say("follow a change of the clocks"),
    Verb.END_LINKS: say("end the links of a hearing that is over"),
    Verb.OPEN_ROOM: say("open the room"),
    Verb.GO_ON_RECORD: say("go on the record"),
    Verb.EXAMINE: say("begin the examination"),
    Verb.GO_OFF_RECORD: say("go off the record"),
    Verb.SUSPEND: say("suspend the hearing"),
    Verb.RESUME: say("resume the hearing"),
    Verb.ADJOURN: say("adjourn the hearing"),
    Verb.END: say("end the sitting"),
    Verb.CLOSE: say("close the file"),
    Verb.CONSULT: say("grant a private consultation"),
    Verb.CHOOSE_INSTRUMENT: say("choose another instrument"),
    Verb.FILE: say("add a document"),
    Verb.SEAT: say("add people and places"),
    Verb.DESCRIBE: say("say what is to be minded for a person heard"),
    Verb.LINK: say("issue or withdraw a link"),
    Verb.ARRANGE_TEST: say("arrange, move or cancel a technical test"),
    Verb.HOLD_TEST: say("hold a technical test"),
    Verb.HAND_OVER: say("take your place to another device"),
    Verb.ADMIT: say("admit somebody to the room"),
    Verb.DISMISS: say("send somebody back to the waiting room"),
    Verb.MUTE: say("mute somebody"),
    Verb.ASK_CONSULTATION: say("ask for a private consultation"),
    Verb.DECLINE_CONSULTATION: say("decline a private consultation"),
    Verb.END_CONSULTATION: say("end the private consultation"),
    Verb.GIVE_CHANNEL: say("open or close a channel for interpretation"),
    Verb.INTERVENE: say("intervene"),
    Verb.INTERRUPT: say("intervene and have the hearing stand still"),
    Verb.SETTLE: say("say how an intervention is settled"),
    Verb.STOP: say("say that the hearing cannot go on"),
    Verb.CLAIM: say("claim a right not to testify"),
    Verb.RULE: say("rule on a right not to testify"),
    Verb.OBJECT: say("object to the interpretation"),
    Verb.DECIDE: say("decide on an objection to the interpretation"),
    Verb.IDENTIFY: say("identify somebody anew"),
    Verb.SEAL: say("seal what is recorded"),
    Verb.END_SEALING: say("end the sealing"),
    Verb.ASK_UNSEALING: say("ask to listen to what is sealed"),
    Verb.ANSWER_UNSEALING: say("answer who asks to listen to what is sealed"),
    Verb.CONFIRM: say("confirm a safeguard"),
    Verb.OVERRIDE: say("go on without a safeguard"),
    Verb.ASK_CONSENT: say("put a question to the person heard"),
    Verb.DECLARE: say("answer"),
    Verb.REVOKE_CONSENT: say("take an answer back"),
    Verb.OATH: say("note an oath"),
    Verb.WARN: say("note a warning"),
    Verb.EXHIBIT: say("note an exhibit"),
    Verb.REPORT: say("note a refusal or an untruth"),
    Verb.NOTE: say("make a note"),
    Verb.WRITE: say("write a message"),
    Verb.WORD: say("better the wording of the minutes"),
    Verb.READ_MINUTES: say("read the minutes and answer for it"),
    Verb.READ_OUT: say("write down that the minutes were read out"),
    Verb.EXPLAIN: say("explain what the minutes lack"),
    Verb.KEEP_ELSEWHERE: say("write down that the court keeps its own record elsewhere"),
    Verb.SIGN_MINUTES: say("sign the minutes"),
    Verb.LISTEN: say("listen to the recording"),
    Verb.TAKE_ALONG: say("take the package along"),
    Verb.PROTECT: say("order a protection"),
    Verb.LIFT_PROTECTION: say("lift a protection"),
    Verb.PUBLISH: say("draw up the public minutes"),
    Verb.SEND: say("send the record to another authority"),
    Verb.TAKE_RECEIPT: say("take a receipt of another authority"),
    Verb.HOLD: say("lay a hold"),
    Verb.LIFT_HOLD: say("lift a hold"),
    Verb.DESTROY: say("destroy what was recorded"),
}


def rule(state: State, verb: Verb) -> Rule | None:
    return next((item for item in TABLE[verb] if state in item.states), None)


def acting_role(state: State, verb: Verb, roles: Iterable[Role]) -> Role:
    """The first of `roles` in which somebody may do this now.

    Raises: NotAllowed if none of them ever may, NotNow if the state forbids it.
    """
    held = list(roles)
    ever = frozenset[Role]().union(*(item.roles for item in TABLE[verb]))
    if not ever.intersection(held):
        who = any_of(OFFICE[role] for role in Role if role in ever and role is not Role.SERVICE)
        raise NotAllowed(say("You cannot {act}: that is for the {who}.", act=ACT[verb], who=who))
    found = rule(state, verb)
    if found is None:
        raise NotNow(say("You cannot {act} now: the hearing is {state}.", act=ACT[verb], state=SAID[state]))
    role = next((item for item in held if item in found.roles), None)
    if role is None:
        raise NotAllowed(
            say("You cannot {act} while the hearing is {state}.", act=ACT[verb], state=SAID[state])
        )
    return role


def allowed(state: State, roles: Iterable[Role]) -> frozenset[Verb]:
    """The verbs open to `roles` in this state; pages show these buttons and no others."""
    held = frozenset(roles)
    return frozenset(verb for verb in Verb if (found := rule(state, verb)) is not None and found.roles & held)


def after(state: State, verb: Verb, *, before: State) -> State:
    """Where the verb leads; `before` is the state that was suspended. The caller has asked `acting_role`."""
    if verb is Verb.RESUME:
        return before
    found = rule(state, verb)
    if found is None:
        raise NotNow(say("You cannot {act} now: the hearing is {state}.", act=ACT[verb], state=SAID[state]))
    return found.to or state
