"""Refusals: what could not be done, in a sentence for the person who asked.

Nothing was changed when one of these is raised inside a transaction: it is rolled back whole.
"""

from uuid import UUID

from hearings.sentences import say


class Refusal(Exception):
    """Base of all; `str()` is the sentence, `hints` are further lines (what is missing, what to do)."""

    def __init__(self, sentence: str, *, hints: tuple[str, ...] = (), field: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hints = hints
        self.field = field


class NotFound(Refusal):
    """It does not exist, or is not for the eyes of who asked; which of the two is not said."""


class Destroyed(Refusal):
    """Everything of this hearing was destroyed; `hearing` says whose certificate is left."""

    def __init__(self, hearing: UUID) -> None:
        super().__init__(
            say("Everything of this hearing was destroyed. Only the certificate of that is left.")
        )
        self.hearing = hearing


class NotSignedIn(Refusal):
    """Nobody is known behind this request."""


class TooMany(Refusal):
    """It was tried too often; after so many `seconds` it may be tried again."""

    def __init__(self, sentence: str, *, seconds: int) -> None:
        super().__init__(sentence)
        self.seconds = seconds


class NotAllowed(Refusal):
    """Who asked is known, and this is not theirs to do."""


class NotNow(Refusal):
    """Theirs to do, but not in the present state of the hearing."""


class NotYet(Refusal):
    """It is under way; it may be asked for again after so many `seconds`."""

    def __init__(self, sentence: str, *, seconds: int) -> None:
        super().__init__(sentence)
        self.seconds = seconds


class NotReady(Refusal):
    """A gate is closed; `hints` name what stands in the way."""


class NotValid(Refusal):
    """What was sent cannot be; `field` names the part."""


class AlreadyDone(Refusal):
    """It was done before, and is not done twice."""


class Unreachable(Refusal):
    """A part of the service (the media worker, the disk) does not answer at present."""


class Unverifiable(Refusal):
    """Bytes that do not hold: a checkpoint, a leaf, a seal."""
