"""What a change changed, from what to what, and what a test of many profiles found: both sealed.

Everything here is added, so the version before goes on reading and writing beside this one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "audit_details",
        sa.Column("record_id", sa.String(36), primary_key=True),
        sa.Column("workspace", sa.String(64), nullable=False),
        sa.Column("entry", sa.Integer(), nullable=False, unique=True),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )
    op.create_index("ix_audit_details_key_id", "audit_details", ["key_id"])
    op.create_table(
        "run_results",
        sa.Column("record_id", sa.String(36), primary_key=True),
        sa.Column("workspace", sa.String(64), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )
    op.create_index("ix_run_results_workspace", "run_results", ["workspace"])
    op.create_index("ix_run_results_key_id", "run_results", ["key_id"])


def downgrade() -> None:
    """Undo this revision."""
    for table in ("run_results", "audit_details"):
        op.drop_table(table)
