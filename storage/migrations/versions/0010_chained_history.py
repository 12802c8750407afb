"""The history as chains: the place of each entry in its chain, its digest, and the sealed ends of the chains.

Everything here is added, so the version before goes on reading and writing beside this one: its entries have no place.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.add_column("audit_entries", sa.Column("position", sa.Integer()))
    op.add_column("audit_entries", sa.Column("content", sa.String(64)))
    op.add_column("audit_entries", sa.Column("link", sa.String(64)))
    op.create_table(
        "audit_chains",
        sa.Column("record_id", sa.String(36), primary_key=True),
        sa.Column("workspace", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.UniqueConstraint("workspace", "user_id", name="uq_audit_chains_owner"),
    )
    op.create_index("ix_audit_chains_key_id", "audit_chains", ["key_id"])


def downgrade() -> None:
    """Undo this revision."""
    op.drop_table("audit_chains")
    for column in ("link", "content", "position"):
        op.drop_column("audit_entries", column)
