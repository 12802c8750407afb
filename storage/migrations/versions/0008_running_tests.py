"""Connection tests under way, so that each can be stopped through every instance.

Everything here is added, so the version before goes on reading and writing beside this one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "running_tests",
        sa.Column("test_id", sa.String(36), primary_key=True),
        sa.Column("workspace", sa.String(64), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("stopped_by", sa.String(64)),
        sa.Column("ends_at", sa.Float(53), nullable=False),
    )


def downgrade() -> None:
    """Undo this revision."""
    op.drop_table("running_tests")
