"""The two documents that may come of one hearing, and what is different on their paper.

The minutes are those of the authority on the requested side, and go to the requesting one. The requesting court keeps
a record of its own besides. The two are never merged: each says whose it is, and who answers for it.

Sources: Second Additional Protocol to the 1959 Convention (ETS 182), Article 9(6); EU Convention of 29 May 2000,
Article 10(6); Directive 2014/41/EU, Article 24(6).
"""

from typing import NamedTuple

from hearings.roles import Side
from hearings.sentences import Sentence, say


class Document(NamedTuple):
    """`beside`: what it says of the other one; `drawn`: by whom and when it was drawn up, above the signatures."""

    title: Sentence
    beside: Sentence
    drawn: Sentence


DOCUMENTS: dict[Side, Document] = {
    Side.REQUESTED: Document(
        say("Minutes of a hearing by video link"),
        say("The record of the requesting court is a document of its own."),
        say(
            "Drawn up at the end of the hearing by the authority present on the requested side, on {pages} pages.",
            pages="{pages}",
        ),
    ),
    Side.REQUESTING: Document(
        say("Record of the requesting court"),
        say("The minutes of the authority on the requested side are a document of their own."),
        say(
            "Drawn up of the hearing by video link by the court that conducted it, on {pages} pages.",
            pages="{pages}",
        ),
    ),
}
