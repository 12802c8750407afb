"""Which address of a profile its owner has confirmed, or is asked to.

It is only added, so the version before goes on reading and writing beside this one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "address_confirmations",
        sa.Column("record_id", sa.String(36), primary_key=True),
        sa.Column("workspace", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("ends_at", sa.Float(53), nullable=True),
        sa.UniqueConstraint("workspace", "user_id", name="uq_address_confirmations_owner"),
    )
    op.create_index("ix_address_confirmations_key_id", "address_confirmations", ["key_id"])


def downgrade() -> None:
    """Undo this revision."""
    op.drop_table("address_confirmations")
