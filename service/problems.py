"""What a request may be refused for, as RFC 9457 tells it. Raised anywhere in the service, answered in one place.

Problem                  status  slug
+-- Malformed            422     malformed
+-- Unauthenticated      401     unauthenticated
+-- Forbidden            403     forbidden
+-- NotFound             404     not-found            also for what belongs to others
+-- Gone                 410     gone
+-- Conflict             409     conflict
+-- TooLarge             413     too-large
+-- TooMany              429     too-many             with Retry-After
+-- Unavailable          503     unavailable          with Retry-After
+-- StorageFull          507     storage-full         with Retry-After
"""

from __future__ import annotations

from typing import ClassVar

from weights.errors import UnmaskError


class Problem(UnmaskError):
    """A request that cannot be answered as asked.

    Args:
        detail: One sentence for a person; nothing of it comes from evidence or from others' objects.
        retry_after_seconds: When asking again makes sense.
    """

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal"
    title: ClassVar[str] = "The service failed"

    def __init__(self, detail: str, *, retry_after_seconds: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds


class Malformed(Problem):
    """Understood as HTTP, but not as a request of this interface."""

    status, slug, title = 422, "malformed", "The request is malformed"


class Unauthenticated(Problem):
    """No key, or one that is not valid: unknown, expired and revoked look alike."""

    status, slug, title = 401, "unauthenticated", "A valid API key is needed"


class Forbidden(Problem):
    """Known, but not allowed: the key lacks a scope."""

    status, slug, title = 403, "forbidden", "This key may not do that"


class NotFound(Problem):
    """Nothing there for whoever asks."""

    status, slug, title = 404, "not-found", "There is nothing here for you"


class Gone(Problem):
    """It was there, and was deleted."""

    status, slug, title = 410, "gone", "This was deleted"


class Conflict(Problem):
    """It does not fit what is there."""

    status, slug, title = 409, "conflict", "The request does not fit the present state"


class TooLarge(Problem):
    """More bytes than the limit allows."""

    status, slug, title = 413, "too-large", "Too large"


class TooMany(Problem):
    """A rate, a quota or the queue's length."""

    status, slug, title = 429, "too-many", "Too much at a time"


class Unavailable(Problem):
    """Cannot now: stopping, or something it needs is not there."""

    status, slug, title = 503, "unavailable", "Not possible at the moment"


class StorageFull(Problem):
    """The disk has no room."""

    status, slug, title = 507, "storage-full", "No room for evidence"


ALL: tuple[type[Problem], ...] = (
    Malformed, Unauthenticated, Forbidden, NotFound, Gone, Conflict, TooLarge, TooMany, Unavailable, StorageFull,
)  # fmt: skip
