"""Tokens of programs, and sends that a program may ask for twice.

It is only added, so the version before goes on reading and writing beside this one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "program_tokens",
        sa.Column("record_id", sa.String(36), primary_key=True),
        sa.Column("workspace", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.Column("ends_at", sa.Float(53), nullable=True),
        sa.Column("last_used_at", sa.Float(53), nullable=True),
    )
    op.create_index("ix_program_tokens_owner", "program_tokens", ["workspace", "user_id"])
    op.create_index("ix_program_tokens_key_id", "program_tokens", ["key_id"])
    op.create_table(
        "idempotent_sends",
        sa.Column("record_id", sa.String(36), primary_key=True),
        sa.Column("workspace", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("token_id", sa.String(8), nullable=False),
        sa.Column("key_hash", sa.String(64), nullable=False),
        sa.Column("body_digest", sa.String(64), nullable=False),
        sa.Column("begun_at", sa.Float(53), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.UniqueConstraint("token_id", "key_hash", name="uq_idempotent_sends_key"),
    )
    op.create_index("ix_idempotent_sends_key_id", "idempotent_sends", ["key_id"])


def downgrade() -> None:
    """Undo this revision."""
    op.drop_table("idempotent_sends")
    op.drop_table("program_tokens")
