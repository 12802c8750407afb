"""Tests of forms that passed and are not saved yet.

Everything here is added, so the version before goes on reading and writing beside this one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "form_tests",
        sa.Column("record_id", sa.String(36), primary_key=True),
        sa.Column("workspace", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("tester", sa.String(64), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("ends_at", sa.Float(53), nullable=False),
        sa.UniqueConstraint("workspace", "user_id", "tester", name="uq_form_tests_tester"),
    )
    op.create_index("ix_form_tests_key_id", "form_tests", ["key_id"])


def downgrade() -> None:
    """Undo this revision."""
    op.drop_table("form_tests")
