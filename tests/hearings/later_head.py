"""A package over everything that the journal says, custody included: as another maker of packages might write it."""

from dataclasses import replace
from pathlib import Path

from sqlmodel import col, select

from hearings import package, verify
from hearings.redaction import Version
from hearings.tables import Checkpoint, Hearing, JournalLeaf
from hearings.verify import Verdict
from tests.hearings.two_courts import TwoCourts


def verdict_over_everything(two: TwoCourts, path: Path) -> Verdict:
    journal = two.a.journal
    journal.checkpoint(two.hearing)
    frozen = two.a.packages._heads.freeze(two.hearing, at_least=1)
    with journal.reading() as tx:
        contents, _ = two.a.packages._contents(tx, tx.get_one(Hearing, two.hearing), frozen, Version.FULL)
        head = tx.exec(
            select(Checkpoint)
            .where(Checkpoint.hearing_id == two.hearing)
            .order_by(col(Checkpoint.size).desc())
        ).first()
        leaves = tx.exec(
            select(JournalLeaf).where(JournalLeaf.hearing_id == two.hearing).order_by(col(JournalLeaf.seq))
        ).all()
    assert head is not None
    assert head.size == len(leaves) > len(contents.leaves)
    contents = replace(
        contents,
        leaves=[leaf.data for leaf in leaves],
        disclosures=[leaf.disclosures for leaf in leaves],
        checkpoint=head.note,
        checkpoint_seal=two.a.seal.sign(head.note, two.clock()),
    )
    with path.open("xb") as file:
        package.write(file, contents, seal=two.a.seal, at=two.clock())
    return verify.verify(path, trust=two.a.packages.trust(), head=None, at=two.clock())
