r"""Names of evidence as text that loses nothing: any bytes in, printable text out, and the same bytes back.

Names come from whoever made the evidence: any encoding or none, control characters, terminal escapes, signs that turn
the reading direction. Valid, printable UTF-8 stays as it is; every other byte becomes `\xNN`, a character that cannot
be seen `\u{N}`, and a backslash `\\`. A chain joins names with `!/`, so a `!` before a `/` within a name is escaped.
"""

from __future__ import annotations

import re
import unicodedata

SEPARATOR = "!/"

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""General categories without a picture of their own (Unicode Standard, table 4-4)."""
_PLAIN = re.compile(rb"[ -!#-\[\]-~]*\Z")
"""Printable ASCII without the backslash; names of this form, nearly all, need no look at single characters."""
_ESCAPE = re.compile(r"\\(?:\\|x([0-9a-f]{2})|u\{([0-9a-f]{1,6})\})")


def escape(name: bytes) -> str:
    """Text of a name; `unescape` gives the bytes back."""
    if _PLAIN.match(name) and b"!/" not in name:
        return name.decode("ascii")
    text = name.decode("utf-8", "surrogateescape")
    signs = [_sign(sign) for sign in text]
    return "".join(signs).replace("!/", "\\x21/")


def _sign(sign: str) -> str:
    if sign == "\\":
        return "\\\\"
    code = ord(sign)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return f"\\x{code:02x}" if code < 32 or code == 127 else sign
    return f"\\u{{{code:x}}}" if unicodedata.category(sign) in _INVISIBLE else sign


def unescape(text: str) -> bytes:
    """The bytes of a name that `escape` wrote.

    Raises:
        ValueError: `escape` does not write this.
    """
    parts, position = [], 0
    for match in _ESCAPE.finditer(text):
        parts.append(text[position : match.start()].encode())
        octet, code = match.groups()
        parts.append(bytes([int(octet, 16)]) if octet else chr(int(code, 16)).encode() if code else b"\\")
        position = match.end()
    parts.append(text[position:].encode())
    if any(b"\\" in part for part in parts[::2]):
        raise ValueError(f"{text!r} has a backslash that begins no escape")
    return b"".join(parts)


def member(container: str, name: str, repeat: int = 0) -> str:
    """The chain of a member.

    Args:
        container: The container's chain.
        name: The member's name, escaped.
        repeat: How many members before it have the same name.
    """
    return f"{container}{SEPARATOR}{name}" + (f"\\#{repeat + 1}" if repeat else "")
