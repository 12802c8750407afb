"""Alembic's environment: the connection is handed in by `storage.migrations.upgrade`."""

from alembic import context
from sqlmodel import SQLModel

import storage.models  # noqa: F401 - importing it registers the tables

context.configure(
    connection=context.config.attributes["connection"], target_metadata=SQLModel.metadata, render_as_batch=True
)
context.run_migrations()
