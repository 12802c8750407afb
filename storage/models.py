"""SQLModel tables. What people typed and what they are called is sealed; ids, numbers and times are in the clear.

Tables are created by the migrations. `datetime` fields are aware UTC; times that are compared with the database's
clock are numbers: seconds since 1970, UTC.
"""

from datetime import datetime

from sqlalchemy import BigInteger, Float, Index, UniqueConstraint, false
from sqlmodel import Field, SQLModel

_SECONDS = Float(53)


class RecordRow(SQLModel):
    """What a sealed record is known by."""

    record_id: str = Field(primary_key=True, max_length=36)
    workspace: str = Field(max_length=64)


class OwnedRow(RecordRow):
    """A record of one person."""

    user_id: str = Field(max_length=64)


class SealedRow(RecordRow):
    """A record that is saved against its revision; `sealed` is its document, sealed under key `key_id`."""

    revision: int
    key_id: str = Field(max_length=16, index=True)
    sealed: bytes


class ProfileRow(SealedRow, OwnedRow, table=True):
    """One sealed email profile a person."""

    __tablename__ = "email_profiles"
    __table_args__ = (UniqueConstraint("workspace", "user_id", name="uq_email_profiles_owner"),)

    created_at: datetime
    updated_at: datetime


class ConnectionTestRow(SQLModel, table=True):
    """The last connection test of one profile, sealed; `record_id` and `revision` are the profile's."""

    __tablename__ = "connection_tests"

    workspace: str = Field(primary_key=True, max_length=64)
    user_id: str = Field(primary_key=True, max_length=64)
    record_id: str = Field(max_length=36)
    revision: int
    key_id: str = Field(max_length=16, index=True)
    sealed: bytes
    tested_at: datetime


class AuditRow(SQLModel, table=True):
    """One change: who, whose, what, which fields, when; never a value.

    `position` is its place in the chain of its subject, `content` the digest of what it says besides the outline, and
    `link` that of the whole entry with the one before; they are empty in what the version before wrote.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_subject", "workspace", "subject", "id"),
        Index("ix_audit_entries_workspace", "workspace", "id"),
        Index("ix_audit_entries_at", "at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    at: datetime
    workspace: str = Field(max_length=64)
    actor: str = Field(max_length=64)
    subject: str = Field(max_length=64)
    action: str = Field(max_length=64)
    fields: str = Field(max_length=500)
    position: int | None = None
    content: str | None = Field(default=None, max_length=64)
    link: str | None = Field(default=None, max_length=64)


class AuditChainRow(OwnedRow, table=True):
    """Where the chain of one subject's history begins and ends, sealed; or how many chains a workspace has."""

    __tablename__ = "audit_chains"
    __table_args__ = (UniqueConstraint("workspace", "user_id", name="uq_audit_chains_owner"),)

    key_id: str = Field(max_length=16, index=True)
    sealed: bytes


class AuditDetailRow(RecordRow, table=True):
    """What one change of the history changed, from what to what, sealed; `entry` is the number of its audit entry."""

    __tablename__ = "audit_details"

    entry: int = Field(unique=True)
    key_id: str = Field(max_length=16, index=True)
    sealed: bytes


class LimitRow(SQLModel, table=True):
    """One window of uses: a keyed hash of its name, how many uses there were, and when it ends."""

    __tablename__ = "limits"

    name: str = Field(primary_key=True, max_length=64)
    uses: int
    ends_at: float = Field(sa_type=_SECONDS)


class KeyCheckRow(SQLModel, table=True):
    """The check value of a key: something known, sealed under it, so that a wrong key is noticed at the start."""

    __tablename__ = "key_checks"

    key_id: str = Field(primary_key=True, max_length=16)
    sealed: bytes
    retired_at: datetime | None = None


class PersonRow(OwnedRow, table=True):
    """One person of a workspace as the list shows them; name and address words are sealed.

    In the clear are `position` (a number that shows the order of names and nothing else), the number of the state,
    since when, and when a reading of all people last met the person.
    """

    __tablename__ = "people"
    __table_args__ = (
        UniqueConstraint("workspace", "user_id", name="uq_people_owner"),
        Index("ix_people_position", "workspace", "position"),
        Index("ix_people_deactivated", "deactivated_at"),
    )

    position: int = Field(sa_type=BigInteger)
    state: int
    state_since: datetime
    deactivated_at: datetime | None = None
    key_id: str = Field(max_length=16, index=True)
    sealed: bytes
    seen_at: float | None = Field(default=None, sa_type=_SECONDS)


class SearchRow(SQLModel, table=True):
    """One way to find a person: the keyed hash of a word's beginning; the empty one finds everybody."""

    __tablename__ = "search_entries"
    __table_args__ = (Index("ix_search_entries_person", "workspace", "user_id"),)

    workspace: str = Field(primary_key=True, max_length=64)
    token: str = Field(primary_key=True, max_length=16)
    state: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    position: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    user_id: str = Field(primary_key=True, max_length=64)


class StateCountRow(SQLModel, table=True):
    """How many people of a workspace are in a state, updated with each change, so that nobody has to count."""

    __tablename__ = "state_counts"

    workspace: str = Field(primary_key=True, max_length=64)
    state: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    people: int


class WorkspaceRow(SealedRow, table=True):
    """One workspace: its defaults, sealed, and when the bot was removed from it."""

    __tablename__ = "workspaces"

    workspace: str = Field(max_length=64, unique=True)
    left_at: datetime | None = None


class WorkspaceMarkRow(SealedRow, table=True):
    """That a workspace has a record, which record it is, and at which revision it was at least: sealed.

    Whoever removes the record, or puts an older one back, leaves this.
    """

    __tablename__ = "workspace_marks"

    workspace: str = Field(max_length=64, unique=True)


class InstallationRow(SealedRow, table=True):
    """The bot installed in one workspace or organisation: its tokens and its ids there, sealed."""

    __tablename__ = "installations"

    workspace: str = Field(max_length=64, unique=True)


class OAuthStateRow(SQLModel, table=True):
    """One installation under way: a hash of its OAuth state, and when that ends."""

    __tablename__ = "oauth_states"

    state_hash: str = Field(primary_key=True, max_length=64)
    ends_at: float = Field(sa_type=_SECONDS)


class PasswordLinkRow(SQLModel, table=True):
    """One private password link: a hash of its token, for whom, and when it ends; the rest is sealed."""

    __tablename__ = "password_links"

    token_hash: str = Field(primary_key=True, max_length=64)
    workspace: str = Field(max_length=64)
    user_id: str = Field(max_length=64)
    sealed: bytes
    ends_at: float = Field(sa_type=_SECONDS)


class FormTestRow(OwnedRow, table=True):
    """A form that passed its test and may be saved yet: who tested it, and when that ends; the rest is sealed."""

    __tablename__ = "form_tests"
    __table_args__ = (UniqueConstraint("workspace", "user_id", "tester", name="uq_form_tests_tester"),)

    tester: str = Field(max_length=64)
    key_id: str = Field(max_length=16, index=True)
    sealed: bytes
    ends_at: float = Field(sa_type=_SECONDS)


class AddressConfirmationRow(OwnedRow, table=True):
    """An address that a person confirmed, or is asked to confirm until `ends_at`; the rest is sealed."""

    __tablename__ = "address_confirmations"
    __table_args__ = (UniqueConstraint("workspace", "user_id", name="uq_address_confirmations_owner"),)

    key_id: str = Field(max_length=16, index=True)
    sealed: bytes
    ends_at: float | None = Field(default=None, sa_type=_SECONDS)


class ProgramTokenRow(SealedRow, OwnedRow, table=True):
    """A token of one program: `record_id` is its public id, `digest` the SHA-256 of its secret; the rest is sealed."""

    __tablename__ = "program_tokens"
    __table_args__ = (Index("ix_program_tokens_owner", "workspace", "user_id"),)

    digest: str = Field(max_length=64)
    created_at: float = Field(sa_type=_SECONDS)
    ends_at: float | None = Field(default=None, sa_type=_SECONDS)
    last_used_at: float | None = Field(default=None, sa_type=_SECONDS)


class IdempotentSendRow(OwnedRow, table=True):
    """A send that a program may ask for twice: keyed hash of its key, digest of its body; the answer is sealed."""

    __tablename__ = "idempotent_sends"
    __table_args__ = (UniqueConstraint("token_id", "key_hash", name="uq_idempotent_sends_key"),)

    token_id: str = Field(max_length=8)
    key_hash: str = Field(max_length=64)
    body_digest: str = Field(max_length=64)
    begun_at: float = Field(sa_type=_SECONDS)
    key_id: str = Field(max_length=16, index=True)
    sealed: bytes


class BulkRunRow(SQLModel, table=True):
    """One test of many profiles: who began it, the message that shows it, how far it is, its last sign of life."""

    __tablename__ = "test_runs"
    # The index ux_test_runs_running, by which at most one run of a workspace is under way, is in its migration alone:
    # a partial index, declared here, would load the dialects of both databases at every start.

    run_id: str = Field(primary_key=True, max_length=36)
    workspace: str = Field(max_length=64)
    actor: str = Field(max_length=64)
    channel: str = Field(max_length=64)
    message_ts: str = Field(max_length=64)
    status: str = Field(max_length=16, index=True)
    done: int
    total: int
    alive_at: float = Field(sa_type=_SECONDS)


class RunResultRow(RecordRow, table=True):
    """What one test of many profiles found, and what was changed after it, sealed; `record_id` is the run's id."""

    __tablename__ = "run_results"
    __table_args__ = (Index("ix_run_results_workspace", "workspace"),)

    key_id: str = Field(max_length=16, index=True)
    sealed: bytes


class RunningTestRow(SQLModel, table=True):
    """One connection test under way: who began it, whose profile it tests, who stopped it, and its latest end."""

    __tablename__ = "running_tests"

    test_id: str = Field(primary_key=True, max_length=36)
    workspace: str = Field(max_length=64)
    actor: str = Field(max_length=64)
    subject: str = Field(max_length=64)
    stopped_by: str | None = Field(default=None, max_length=64)
    ends_at: float = Field(sa_type=_SECONDS)


class PeopleReadingRow(SQLModel, table=True):
    """A reading of all people of a workspace that is under way: since when, and where it goes on."""

    __tablename__ = "people_readings"

    workspace: str = Field(primary_key=True, max_length=64)
    began_at: float = Field(sa_type=_SECONDS)
    team: str = Field(max_length=64)
    cursor: str = Field(max_length=500)


class OutboxRow(OwnedRow, table=True):
    """One message to one person: what it tells is sealed, and is emptied when the row ends.

    In the clear are its kind, whether it asks the person to do something, the batch that it belongs to, when it is
    due, and how it ended: `outcome` is empty while it waits. A row that `ends_batch` waits for the others of its batch.
    Nothing here reads `asks` any more; the version before does, which may run beside this one.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_waiting", "outcome", "workspace", "due_at"),
        Index("ix_outbox_person", "workspace", "user_id"),
        Index("ix_outbox_batch", "batch"),
    )

    kind: str = Field(max_length=32)
    asks: bool
    batch: str = Field(max_length=36)
    ends_batch: bool
    created_at: float = Field(sa_type=_SECONDS)
    due_at: float = Field(sa_type=_SECONDS)
    tries: int
    unknown: int
    outcome: str = Field(max_length=64)
    ended_at: float | None = Field(default=None, sa_type=_SECONDS)
    key_id: str = Field(max_length=16, index=True)
    sealed: bytes


class HomeRow(SQLModel, table=True):
    """A person's tabs of the app: a digest of what Home shows, and whether they were welcomed on Messages.

    By the digest the same content is not published twice; it is empty before anything is published.
    """

    __tablename__ = "home_tabs"

    workspace: str = Field(primary_key=True, max_length=64)
    user_id: str = Field(primary_key=True, max_length=64)
    digest: str = Field(max_length=64)
    shows_everybody: bool
    welcomed: bool = Field(default=False, sa_column_kwargs={"server_default": false()})


class LeaseRow(SQLModel, table=True):
    """Work that one instance does at a time: its name, and when the lease ends."""

    __tablename__ = "leases"

    name: str = Field(primary_key=True, max_length=64)
    ends_at: float = Field(sa_type=_SECONDS)


class SeenRequestRow(SQLModel, table=True):
    """One request of Slack's that was taken: a keyed hash of its name, and how long it is remembered."""

    __tablename__ = "seen_requests"

    name: str = Field(primary_key=True, max_length=64)
    ends_at: float = Field(sa_type=_SECONDS)


class UnfinishedCopyRow(SQLModel, table=True):
    """A copy into this database that is not complete: a fingerprint of the database it comes from."""

    __tablename__ = "unfinished_copies"

    source: str = Field(primary_key=True, max_length=64)
