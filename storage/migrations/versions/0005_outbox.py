"""Messages to people, and readings of all people that go on where they were cut short.

Everything here is added, so the version before goes on reading and writing beside this one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "outbox",
        sa.Column("record_id", sa.String(36), primary_key=True),
        sa.Column("workspace", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("asks", sa.Boolean(), nullable=False),
        sa.Column("batch", sa.String(36), nullable=False),
        sa.Column("ends_batch", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.Column("due_at", sa.Float(53), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("unknown", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(64), nullable=False),
        sa.Column("ended_at", sa.Float(53)),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )
    op.create_index("ix_outbox_waiting", "outbox", ["outcome", "workspace", "due_at"])
    op.create_index("ix_outbox_person", "outbox", ["workspace", "user_id"])
    op.create_index("ix_outbox_batch", "outbox", ["batch"])
    op.create_index("ix_outbox_key_id", "outbox", ["key_id"])
    op.create_table(
        "people_readings",
        sa.Column("workspace", sa.String(64), primary_key=True),
        sa.Column("began_at", sa.Float(53), nullable=False),
        sa.Column("team", sa.String(64), nullable=False),
        sa.Column("cursor", sa.String(500), nullable=False),
    )
    op.add_column("people", sa.Column("seen_at", sa.Float(53)))


def downgrade() -> None:
    """Undo this revision."""
    op.drop_column("people", "seen_at")
    op.drop_table("people_readings")
    op.drop_table("outbox")
