"""SQLModel tables. In the clear stand only workspace, user, ids, key id, revision and times."""

from datetime import UTC, datetime

from sqlalchemy import Column, DateTime, Dialect, Float, Index, LargeBinary, String, TypeDecorator, UniqueConstraint
from sqlmodel import Field, SQLModel


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime on both databases; SQLite itself keeps no zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Refuse naive times; store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A stored time must be aware of its zone.")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give the zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class ProfileRow(SQLModel, table=True):
    """One sealed email profile a person."""

    __tablename__ = "email_profiles"
    __table_args__ = (UniqueConstraint("workspace", "user_id", name="uq_email_profiles_owner"),)

    record_id: str = Field(sa_column=Column(String(36), primary_key=True))
    workspace: str = Field(sa_column=Column(String(64), nullable=False))
    user_id: str = Field(sa_column=Column(String(64), nullable=False))
    revision: int
    key_id: str = Field(sa_column=Column(String(16), nullable=False, index=True))
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    updated_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class TestRow(SQLModel, table=True):
    """The last connection test of one profile, sealed."""

    __test__ = False
    __tablename__ = "connection_tests"

    workspace: str = Field(sa_column=Column(String(64), primary_key=True))
    user_id: str = Field(sa_column=Column(String(64), primary_key=True))
    record_id: str = Field(sa_column=Column(String(36), nullable=False))
    revision: int
    key_id: str = Field(sa_column=Column(String(16), nullable=False, index=True))
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    tested_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class AuditRow(SQLModel, table=True):
    """One change: who, whose, what, which fields, when; never a value."""

    __tablename__ = "audit_entries"
    __table_args__ = (Index("ix_audit_entries_subject", "workspace", "subject", "id"),)

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    workspace: str = Field(sa_column=Column(String(64), nullable=False))
    actor: str = Field(sa_column=Column(String(64), nullable=False))
    subject: str = Field(sa_column=Column(String(64), nullable=False))
    action: str = Field(sa_column=Column(String(64), nullable=False))
    fields: str = Field(sa_column=Column(String(500), nullable=False))


class LimitRow(SQLModel, table=True):
    """One window of uses: its blinded name, how many there were, when it ends (seconds since 1970, UTC)."""

    __tablename__ = "limits"

    name: str = Field(sa_column=Column(String(64), primary_key=True))
    uses: int
    ends_at: float = Field(sa_column=Column(Float(53), nullable=False))


class KeyCheckRow(SQLModel, table=True):
    """A canary a key: something known, sealed under it, so that a wrong key is noticed at the start."""

    __tablename__ = "key_checks"

    key_id: str = Field(sa_column=Column(String(16), primary_key=True))
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
