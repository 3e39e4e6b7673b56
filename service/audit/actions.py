"""What the audit log has words for. A closed list: whoever reads a log must know what could have stood in it."""

from __future__ import annotations

from typing import Literal, get_args

Action = Literal[
    # the log itself
    "log_created",  # the first entry of a log; its object is the log's id
    "audit_read",
    "checkpoint",
    # people, and how they come in
    "person_created",
    "person_changed",
    "key_created",
    "key_revoked",
    "login",
    "logout",
    "login_refused",
    "access_refused",
    # cases
    "case_created",
    "case_changed",
    "case_closed",
    "member_added",
    "member_removed",
    # evidence and what is made of it
    "upload",
    "upload_terminated",
    "evidence_purged",
    "job_created",
    "job_cancelled",
    "job_deleted",
    "rescored",
    # what people see, take away, and conclude
    "read_report",
    "media",
    "export",
    "review",
    "review_read",
    # the service
    "settings",
    "service_started",
    "database_migrated",
]
ACTIONS: frozenset[str] = frozenset(get_args(Action))
CREATED: Action = "log_created"
