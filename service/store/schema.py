"""The tables. Times are seconds of the Unix epoch by the database's clock, in UTC; documents are JSON as text.

Ids that leave the process are random and say nothing (`service.store.ids`); numbers stay inside, and give the order.
Whatever changes here needs a migration beside it: a test holds the two together.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Constraints have names, or a migration could not drop them (Alembic documentation, "The Importance of Naming
Constraints")."""

_Number = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts up only in a column of type INTEGER."""

people = Table(
    "people",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("subject", Text, unique=True),  # who it is at the identity provider; NULL without one
    Column("created_at", Float, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("person_id", Text, ForeignKey("people.id"), nullable=False, index=True),
    Column("label", Text, nullable=False),
    Column("digest", Text, nullable=False, unique=True),  # SHA-256 of the secret, which is 256 random bits
    Column("scopes", Text, nullable=False),  # JSON list
    Column("requests_per_minute", Integer, nullable=False),
    Column("quota_bytes", BigInteger, nullable=False),  # of evidence received in 24 hours
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float),
    Column("revoked_at", Float),
)

sessions = Table(
    "sessions",
    metadata,
    Column("digest", Text, primary_key=True),  # SHA-256 of the cookie's secret
    Column("person_id", Text, ForeignKey("people.id"), nullable=False),
    Column("key_id", Text, ForeignKey("api_keys.id")),  # NULL where an identity provider vouches
    Column("scopes", Text, nullable=False),
    Column("csrf", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False, index=True),
)

cases = Table(
    "cases",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("reference", Text, nullable=False),  # the house's own file number, free text
    Column("retention_days", Integer),  # NULL: until somebody deletes
    Column("created_by", Text, ForeignKey("people.id"), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("closed_at", Float),
)

members = Table(
    "members",
    metadata,
    Column("case_id", Text, ForeignKey("cases.id"), primary_key=True),
    Column("person_id", Text, ForeignKey("people.id"), primary_key=True, index=True),
    Column("added_at", Float, nullable=False),
)

evidence = Table(
    "evidence",
    metadata,
    Column("id", Text, primary_key=True),
    Column("case_id", Text, ForeignKey("cases.id"), nullable=False),
    Column("sha256", Text, nullable=False, index=True),
    Column("num_bytes", BigInteger, nullable=False),
    Column("received_at", Float, nullable=False),
    Column("purged_at", Float),  # the bytes are gone; the row stays, it is the record
    UniqueConstraint("case_id", "sha256"),
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", Text, primary_key=True),
    Column("person_id", Text, ForeignKey("people.id"), nullable=False, index=True),
    Column("key_id", Text, ForeignKey("api_keys.id")),
    Column("case_id", Text, ForeignKey("cases.id"), nullable=False),
    Column("filename", Text, nullable=False),
    Column("num_bytes", BigInteger),  # NULL while the client has not said
    Column("received_bytes", BigInteger, nullable=False),  # what is on the disk for certain
    Column("sha256", Text),  # what the client says it is
    Column("priority", Integer, nullable=False),
    Column("resumable", Boolean, nullable=False),  # the client knows the id, and may go on
    Column("state", Text, nullable=False, index=True),  # open, finished, terminated, expired
    Column("job_id", Text),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False, index=True),
)

setups = Table(
    "setups",
    metadata,
    Column("id", Text, primary_key=True),  # digest of what decides a report's body
    Column("tool", Text, nullable=False),
    Column("config_digest", Text, nullable=False),
    Column("config", Text, nullable=False),
    Column("models", Text, nullable=False),  # JSON, checkpoint name to SHA-256
    Column("announced_at", Float, nullable=False),  # last
)

dispatchers = Table(
    "dispatchers",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("setup_id", Text, ForeignKey("setups.id"), nullable=False),
    Column("host", Text, nullable=False),
    Column("engine", Text, nullable=False),
    Column("device", Text, nullable=False),
    Column("num_workers", Integer, nullable=False),
    Column("protections", Text, nullable=False),  # JSON, how decoding is isolated there
    Column("started_at", Float, nullable=False),
    Column("seen_at", Float, nullable=False),
)

analyses = Table(
    "analyses",
    metadata,
    Column("seq", _Number, primary_key=True, autoincrement=True),
    Column("evidence_id", Text, ForeignKey("evidence.id"), nullable=False),
    Column("setup_id", Text, ForeignKey("setups.id"), nullable=False),
    Column("priority", Integer, nullable=False),  # 0 live, 1 batch; the lower first
    Column("state", Text),  # as `ItemState`; NULL while open
    Column("reason", Text),
    Column("message", Text, nullable=False),
    Column("flagged", Boolean, nullable=False),
    Column("result", Text),  # JSON, as `pipelines.items.Result`
    Column("owner", Text),  # NULL unless leased
    Column("due", Float),
    Column("leases", Integer, nullable=False),
    Column("charged", Integer, nullable=False),
    Column("orphaned", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("started_at", Float),
    Column("finished_at", Float),
    UniqueConstraint("evidence_id", "setup_id"),
    sqlite_autoincrement=True,  # a number is never used again: it is a report's place on the disk
)
_open = analyses.c.state.is_(None)
Index("ix_analyses_pending", analyses.c.setup_id, analyses.c.priority, analyses.c.seq,
      sqlite_where=_open, postgresql_where=_open)  # fmt: skip
Index("ix_analyses_leased", analyses.c.owner, sqlite_where=analyses.c.owner.is_not(None),
      postgresql_where=analyses.c.owner.is_not(None))  # fmt: skip
Index("ix_analyses_state", analyses.c.state)

jobs = Table(
    "jobs",
    metadata,
    Column("seq", _Number, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("case_id", Text, ForeignKey("cases.id"), nullable=False),
    Column("person_id", Text, ForeignKey("people.id"), nullable=False),
    Column("evidence_id", Text, ForeignKey("evidence.id"), nullable=False, index=True),
    Column("analysis_seq", _Number, ForeignKey("analyses.seq"), nullable=False, index=True),
    Column("filename", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("supersedes", Text, index=True),  # the job of the earlier result
    Column("created_at", Float, nullable=False),
    Column("cancelled_at", Float),
    Column("deleted_at", Float),
    Column("deleted_by", Text),
    Column("delete_reason", Text),
    sqlite_autoincrement=True,
)
Index("ix_jobs_case", jobs.c.case_id, jobs.c.seq)

idempotency = Table(
    "idempotency",
    metadata,
    Column("person_id", Text, ForeignKey("people.id"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),  # SHA-256 of what was asked
    Column("job_id", Text, nullable=False),
    Column("created_at", Float, nullable=False, index=True),
)

events = Table(
    "events",
    metadata,
    Column("seq", _Number, primary_key=True, autoincrement=True),
    Column("case_id", Text, nullable=False),
    Column("job_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("data", Text, nullable=False),  # JSON
    Column("at", Float, nullable=False),
    sqlite_autoincrement=True,
)
Index("ix_events_job", events.c.job_id, events.c.seq)
Index("ix_events_case", events.c.case_id, events.c.seq)

reads = Table(
    "reads",
    metadata,
    Column("job_id", Text, primary_key=True),
    Column("person_id", Text, primary_key=True),
    Column("at", Float, nullable=False),  # first
)

notices = Table(
    "notices",
    metadata,
    Column("seq", _Number, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("person_id", Text, ForeignKey("people.id"), nullable=False, index=True),
    Column("case_id", Text, nullable=False),
    Column("job_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("seen_at", Float),
    sqlite_autoincrement=True,
)

reviews = Table(
    "reviews",
    metadata,
    Column("seq", _Number, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("job_id", Text, ForeignKey("jobs.id"), nullable=False, index=True),
    Column("subject", Text, nullable=False),  # `face-1`, `voice-2`, as in the report
    Column("person_id", Text, ForeignKey("people.id"), nullable=False),
    Column("conclusion", Text, nullable=False),
    Column("reasons", Text, nullable=False),
    Column("flagged", Boolean),  # what the machine had said of it; NULL where nothing calibrated
    Column("at", Float, nullable=False),
    sqlite_autoincrement=True,
)

audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),  # without a gap
    Column("at", Float, nullable=False),
    Column("person_id", Text),
    Column("key_id", Text),
    Column("action", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("case_id", Text, index=True),
    Column("details", Text, nullable=False),  # JSON
    Column("prev", Text, nullable=False),
    Column("digest", Text, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("hook", Text, nullable=False),
    Column("job_id", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("next_at", Float),  # NULL: delivered or given up
    Column("delivered_at", Float),
    Column("last_error", Text),
)
Index("ix_deliveries_due", deliveries.c.hook, deliveries.c.next_at)
