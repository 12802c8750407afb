"""SQLModel tables. What people typed and what they are called is sealed; in the clear stand ids, numbers and times."""

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Dialect,
    Float,
    Index,
    Integer,
    LargeBinary,
    String,
    TypeDecorator,
    UniqueConstraint,
)
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


class ConnectionTestRow(SQLModel, table=True):
    """The last connection test of one profile, sealed."""

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
    __table_args__ = (
        Index("ix_audit_entries_subject", "workspace", "subject", "id"),
        Index("ix_audit_entries_workspace", "workspace", "id"),
        Index("ix_audit_entries_at", "at"),
    )

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
    retired_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class PersonRow(SQLModel, table=True):
    """One person of a workspace as the list knows them; name and address words are sealed.

    In the clear stand a place in the alphabet (which tells the order of names and nothing else), the number of
    the state, and since when.
    """

    __tablename__ = "people"
    __table_args__ = (
        UniqueConstraint("workspace", "user_id", name="uq_people_owner"),
        Index("ix_people_position", "workspace", "position"),
        Index("ix_people_deactivated", "deactivated_at"),
    )

    record_id: str = Field(sa_column=Column(String(36), primary_key=True))
    workspace: str = Field(sa_column=Column(String(64), nullable=False))
    user_id: str = Field(sa_column=Column(String(64), nullable=False))
    position: int = Field(sa_column=Column(BigInteger, nullable=False))
    state: int
    state_since: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    deactivated_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    key_id: str = Field(sa_column=Column(String(16), nullable=False, index=True))
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class SearchRow(SQLModel, table=True):
    """One way to find a person: a blinded beginning of a word; the empty one finds everybody."""

    __tablename__ = "search_entries"
    __table_args__ = (Index("ix_search_entries_person", "workspace", "user_id"),)

    workspace: str = Field(sa_column=Column(String(64), primary_key=True))
    token: str = Field(sa_column=Column(String(16), primary_key=True))
    state: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    position: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    user_id: str = Field(sa_column=Column(String(64), primary_key=True))


class StateCountRow(SQLModel, table=True):
    """How many people of a workspace are in a state, kept with each change, so that nobody has to count."""

    __tablename__ = "state_counts"

    workspace: str = Field(sa_column=Column(String(64), primary_key=True))
    state: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    people: int


class WorkspaceRow(SQLModel, table=True):
    """One workspace: its defaults, sealed; when it left; when its people were last read."""

    __tablename__ = "workspaces"

    record_id: str = Field(sa_column=Column(String(36), primary_key=True))
    workspace: str = Field(sa_column=Column(String(64), nullable=False, unique=True))
    revision: int
    key_id: str = Field(sa_column=Column(String(16), nullable=False, index=True))
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    left_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class InstallationRow(SQLModel, table=True):
    """The bot installed in one workspace or organisation: tokens and who it is there, sealed."""

    __tablename__ = "installations"

    record_id: str = Field(sa_column=Column(String(36), primary_key=True))
    workspace: str = Field(sa_column=Column(String(64), nullable=False, unique=True))
    revision: int
    key_id: str = Field(sa_column=Column(String(16), nullable=False, index=True))
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class OAuthStateRow(SQLModel, table=True):
    """One installation under way: a hash of its state, until when it counts (seconds since 1970, UTC)."""

    __tablename__ = "oauth_states"

    state_hash: str = Field(sa_column=Column(String(64), primary_key=True))
    ends_at: float = Field(sa_column=Column(Float(53), nullable=False))


class PasswordLinkRow(SQLModel, table=True):
    """One private password link: a hash of its token, for whom, until when (seconds since 1970, UTC); rest sealed."""

    __tablename__ = "password_links"

    token_hash: str = Field(sa_column=Column(String(64), primary_key=True))
    workspace: str = Field(sa_column=Column(String(64), nullable=False))
    user_id: str = Field(sa_column=Column(String(64), nullable=False))
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    ends_at: float = Field(sa_column=Column(Float(53), nullable=False))


class BulkRunRow(SQLModel, table=True):
    """One test of many profiles: who began it, where its message stands, how far it is, its last sign of life."""

    __tablename__ = "test_runs"
    # ux_test_runs_running, by which at most one run of a workspace is under way, stands in its migration alone: an
    # index of some rows, named here, would load the dialects of both databases at every start.

    run_id: str = Field(sa_column=Column(String(36), primary_key=True))
    workspace: str = Field(sa_column=Column(String(64), nullable=False))
    actor: str = Field(sa_column=Column(String(64), nullable=False))
    channel: str = Field(sa_column=Column(String(64), nullable=False))
    message_ts: str = Field(sa_column=Column(String(64), nullable=False))
    status: str = Field(sa_column=Column(String(16), nullable=False, index=True))
    done: int
    total: int
    alive_at: float = Field(sa_column=Column(Float(53), nullable=False))


class HomeRow(SQLModel, table=True):
    """A published Home tab: a digest of its content, so that the same is not published twice."""

    __tablename__ = "home_tabs"

    workspace: str = Field(sa_column=Column(String(64), primary_key=True))
    user_id: str = Field(sa_column=Column(String(64), primary_key=True))
    digest: str = Field(sa_column=Column(String(64), nullable=False))
    shows_everybody: bool


class LeaseRow(SQLModel, table=True):
    """Work that one instance does at a time: its name, and until when it is taken (seconds since 1970, UTC)."""

    __tablename__ = "leases"

    name: str = Field(sa_column=Column(String(64), primary_key=True))
    ends_at: float = Field(sa_column=Column(Float(53), nullable=False))


class SeenRequestRow(SQLModel, table=True):
    """One request of Slack's that was taken: its blinded name, until when that is remembered (epoch seconds)."""

    __tablename__ = "seen_requests"

    name: str = Field(sa_column=Column(String(64), primary_key=True))
    ends_at: float = Field(sa_column=Column(Float(53), nullable=False))


class UnfinishedCopyRow(SQLModel, table=True):
    """A copy into this database that is not complete: a fingerprint of the database that it comes from."""

    __tablename__ = "unfinished_copies"

    source: str = Field(sa_column=Column(String(64), primary_key=True))
