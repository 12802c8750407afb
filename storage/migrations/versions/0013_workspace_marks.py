"""That a workspace has a record, sealed apart from it.

It is only added, so the version before goes on reading and writing beside this one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "workspace_marks",
        sa.Column("record_id", sa.String(36), primary_key=True),
        sa.Column("workspace", sa.String(64), nullable=False, unique=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )
    op.create_index("ix_workspace_marks_key_id", "workspace_marks", ["key_id"])


def downgrade() -> None:
    """Undo this revision."""
    op.drop_table("workspace_marks")
