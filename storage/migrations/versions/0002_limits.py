"""Limits: windows of uses, under keyed hashes of their names."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "limits",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("ends_at", sa.Float(53), nullable=False),
    )


def downgrade() -> None:
    """Undo this revision."""
    op.drop_table("limits")
