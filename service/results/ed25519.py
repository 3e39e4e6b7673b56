"""Ed25519 signatures (RFC 8032), verified in plain integers, and the keys' PEM form: standard library only.

It becomes a part of the stand-alone verifier. It is for public values: it takes no care of how long it takes.
"""

import base64
import hashlib
import re
from typing import Tuple  # noqa: UP035 - for Python 3.8

# The curve of RFC 8032, section 5.1, points in extended homogeneous coordinates (section 5.1.4).
_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_ROOT_OF_MINUS_ONE = pow(2, (_P - 1) // 4, _P)
_SPKI = bytes.fromhex("302a300506032b6570032100")
"""What precedes the 32 bytes of an Ed25519 key in a SubjectPublicKeyInfo (RFC 8410, section 4)."""
_BASE = (
    15112221349535400772501151409588531511454012693041857206046113283949847762202,
    46316835694926478169428394003475163141307993866256225615783033603165251855960,
    1,
    46827403850823179245072216630277197565144205554125654976674165829533817101731,
)
Point = Tuple[int, int, int, int]  # noqa: UP006 - evaluated at run time, by Python 3.8 as well


def verify_signature(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether an Ed25519 signature is the key's (RFC 8032, section 5.1.7, the equation without cofactor)."""
    if len(public_key) != 32 or len(signature) != 64:
        return False
    key = _decode_key(public_key)
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or scalar >= _L:  # a second form of the same signature would pass otherwise
        return False
    digest = hashlib.sha512(signature[:32] + public_key)
    digest.update(message)
    challenge = int.from_bytes(digest.digest(), "little") % _L
    x, y, z, t = _multiply(challenge, key)
    x, y, z, t = _add(_multiply(scalar, _BASE), (-x, y, z, -t))
    inverse = pow(z, _P - 2, _P)
    return (y * inverse % _P | (x * inverse % _P & 1) << 255).to_bytes(32, "little") == signature[:32]


def _decode_key(data: bytes) -> "Point | None":
    """None also for a point of small order: such a key signs anything."""
    point = _decode_point(data)
    x, y, z, _ = _multiply(8, point) if point is not None else (0, 1, 1, 0)
    return None if x == 0 and y == z else point


def _add(one: Point, other: Point) -> Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % _P
    b = (one[1] + one[0]) * (other[1] + other[0]) % _P
    c = 2 * one[3] * other[3] * _D % _P
    d = 2 * one[2] * other[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _multiply(scalar: int, point: Point) -> Point:
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point = _add(point, point)
        scalar >>= 1
    return result


def _decode_point(data: bytes) -> "Point | None":
    """RFC 8032, section 5.1.3; None where these bytes are no point."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & ((1 << 255) - 1)
    if y >= _P:
        return None
    u, v = (y * y - 1) % _P, (_D * y * y + 1) % _P
    x = u * pow(v, 3, _P) * pow(u * pow(v, 7, _P), (_P - 5) // 8, _P) % _P
    if v * x * x % _P == -u % _P:
        x = x * _ROOT_OF_MINUS_ONE % _P
    if v * x * x % _P != u or (x == 0 and sign):
        return None
    x = x if x & 1 == sign else _P - x
    return x, y, 1, x * y % _P


def public_key_of(pem: bytes) -> bytes:
    """The 32 bytes of an Ed25519 public key in PEM.

    Raises:
        ValueError: it is something else.
    """
    found = re.match(rb"\s*-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]*)-----END PUBLIC KEY-----\s*\Z", pem)
    der = base64.b64decode(b"".join(found.group(1).split()), validate=True) if found else b""
    if len(der) != len(_SPKI) + 32 or not der.startswith(_SPKI) or _decode_key(der[len(_SPKI) :]) is None:
        raise ValueError("is no Ed25519 public key in PEM")
    return der[len(_SPKI) :]


def fingerprint_of(public_key: bytes) -> str:
    """SHA-256 of the key's DER form, as `openssl pkey -pubin -in KEY.pem -outform DER | sha256sum` prints it."""
    return hashlib.sha256(_SPKI + public_key).hexdigest()
