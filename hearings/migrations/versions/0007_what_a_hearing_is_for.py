"""what a hearing is for"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("hearing", schema=None) as batch_op:
        batch_op.add_column(sa.Column("aim", sa.String(), nullable=False, server_default="evidence"))
        batch_op.add_column(sa.Column("capacity", sa.String(), nullable=True))
