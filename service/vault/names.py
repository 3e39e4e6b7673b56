r"""What a client calls its file, as a name that can be shown, printed and offered for a download. It is never a path.

`C:\cases\7\interview.mp4` and `../../interview.mp4` are `interview.mp4`; what cannot be seen is shown as a sign.
"""

from __future__ import annotations

import re

from service.texts import visible

MAX_CHARACTERS = 255
"""What file systems of today take for one name (NTFS: 255 UTF-16 units; ext4, APFS: 255 bytes or characters)."""
UNNAMED = "recording"

_SEPARATORS = re.compile(r"[/\\]")
_DRIVE = re.compile(r"[A-Za-z]:")
_EXTENSION = re.compile(r"\.[0-9A-Za-z]{1,16}\Z")
"""More letters than any that a recording is known by; what is longer still is a part of the name."""
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])[ .]*(\.|\Z)", re.IGNORECASE)
"""Names that Windows takes for a device, also with an extension (Microsoft, "Naming Files, Paths, and Namespaces")."""
_CUT = "\N{HORIZONTAL ELLIPSIS}"


def display_name(name: str) -> str:
    """A name to show; the same name comes back if it is given again.

    Args:
        name: Anything a client sent, also surrogates that stand for bytes that are no UTF-8.

    Returns:
        Its last part, 1 to 255 characters, none of them hidden, the extension kept.
    """
    last = next((part for part in map(_trimmed, reversed(_SEPARATORS.split(name))) if part), "")
    extension = match[0] if (match := _EXTENSION.search(last)) else ""
    if len(last) > MAX_CHARACTERS:
        # Each character gives at least one: what is beyond need not be looked at.
        stem, cut = last[: min(MAX_CHARACTERS, len(last) - len(extension))], True
    else:
        stem, cut = last.removesuffix(extension), False
    if _DEVICE.match(last):
        stem = f"_{stem}"
    shown = visible(stem, limit=MAX_CHARACTERS * len("<U+10FFFF>"))
    if cut or len(shown) + len(extension) > MAX_CHARACTERS:
        shown = shown[: MAX_CHARACTERS - len(extension) - len(_CUT)] + _CUT
    return shown + extension or UNNAMED


def _trimmed(part: str) -> str:
    """A part of a path, without what Windows drops at the end of a name; nothing where it names no file."""
    part = part.strip().rstrip(". ")
    return "" if _DRIVE.fullmatch(part) else part
