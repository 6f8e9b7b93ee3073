"""sittings that were agreed, what everybody was told of them, and timers"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from scheduling import zones

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sitting",
        sa.Column("hearing_id", sa.Uuid(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("start", sa.DateTime(), nullable=False),
        sa.Column("wall", sa.String(), nullable=False),
        sa.Column("fold", sa.String(), nullable=True),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("rules", sa.String(), nullable=False),
        sa.Column("people", sa.JSON(), nullable=False),
        sa.Column("turns", sa.JSON(), nullable=False),
        sa.Column("late", sa.Integer(), nullable=False),
        sa.Column("late_from", sa.String(), nullable=True),
        sa.Column("opened", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["hearing_id"], ["hearing.id"]),
        sa.PrimaryKeyConstraint("hearing_id", "n"),
    )
    op.create_table(
        "calendarentry",
        sa.Column("hearing_id", sa.Uuid(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("uid", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.Column("stands", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("answer", sa.String(), nullable=True),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("changed", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["hearing_id"], ["hearing.id"]),
        sa.PrimaryKeyConstraint("hearing_id", "about", "recipient"),
        sa.UniqueConstraint("digest"),
    )
    op.create_table(
        "timer",
        sa.Column("hearing_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("due", sa.DateTime(), nullable=False),
        sa.Column("until", sa.DateTime(), nullable=True),
        sa.Column("next", sa.DateTime(), nullable=True),
        sa.Column("fired", sa.DateTime(), nullable=True),
        sa.Column("dropped", sa.DateTime(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["hearing_id"], ["hearing.id"]),
        sa.PrimaryKeyConstraint("hearing_id", "kind", "about"),
    )
    op.create_index("ix_timer_next", "timer", ["next"])
    with op.batch_alter_table("slot") as slot:
        slot.add_column(sa.Column("wall", sa.String(), nullable=False, server_default=""))
        slot.add_column(sa.Column("fold", sa.String(), nullable=True))
        slot.add_column(sa.Column("people", sa.JSON(), nullable=False, server_default="[]"))
        slot.add_column(sa.Column("sitting", sa.Integer(), nullable=True))
        slot.add_column(sa.Column("told", sa.DateTime(), nullable=True))
    _say_on_the_wall()


def _say_on_the_wall() -> None:
    """What was agreed or proposed before gets the time on the clock, and what is agreed its sitting."""
    connection = op.get_bind()
    slot = sa.table(
        "slot", sa.column("id"), sa.column("start", sa.DateTime()), sa.column("zone"), sa.column("wall")
    )
    for row in connection.execute(sa.select(slot.c.id, slot.c.start, slot.c.zone)).all():
        connection.execute(slot.update().where(slot.c.id == row.id).values(wall=_wall(row.start, row.zone)))
    hearing = sa.table(
        "hearing",
        *(sa.column(name) for name in ("id", "zone", "minutes", "state")),
        sa.column("start", sa.DateTime()),
    )
    sitting = sa.table(
        "sitting",
        *(sa.column(name) for name in ("hearing_id", "n", "wall", "zone", "minutes", "rules", "late")),
        sa.column("start", sa.DateTime()),
        sa.column("people", sa.JSON()),
        sa.column("turns", sa.JSON()),
        sa.column("opened", sa.DateTime()),
    )
    for row in connection.execute(sa.select(hearing).where(hearing.c.start.is_not(None))).all():
        connection.execute(
            sitting.insert().values(
                hearing_id=row.id,
                n=1,
                start=row.start,
                wall=_wall(row.start, row.zone),
                zone=row.zone,
                minutes=row.minutes,
                rules=zones.release(),
                people=[],
                turns=[],
                late=0,
                opened=None if row.state in {"scheduled", "cancelled"} else row.start,
            )
        )


def _wall(start: datetime, zone: str) -> str:
    try:
        shown = zones.on_clock(start.replace(tzinfo=UTC), zone)
    except zones.UnknownZone:  # the instant stands
        return start.isoformat(timespec="minutes")
    return f"{shown.date.isoformat()}T{shown.time:%H:%M}"
