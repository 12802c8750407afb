"""Who was welcomed in their conversation with the bot.

It is only added, so the version before goes on reading and writing beside this one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.add_column("home_tabs", sa.Column("welcomed", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Undo this revision."""
    op.drop_column("home_tabs", "welcomed")
