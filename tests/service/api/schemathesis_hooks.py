"""What Schemathesis cannot know of the interface: how a media type of resumable uploads is written."""

from __future__ import annotations

import schemathesis

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
