"""One-time codes that people authenticate with at a robot.

The fleet derives a code from its secret, the task and the role, so that it can tell it again when a client repeats its
request, and stores no code. Robots get only a salted hash. A robot refuses after a few wrong tries: six digits suffice.
"""

import hashlib
import hmac
from enum import Enum
from typing import Final

from robot_ops.core.ids import PersonId, TaskId

DIGITS: Final = 6
_SCRYPT_N: Final = 2**12
_SCRYPT_R: Final = 8
_SCRYPT_P: Final = 1


class Role(Enum):
    """Which end of a delivery a code is for."""

    SENDER = "sender"
    RECIPIENT = "recipient"


def derive_code(secret: bytes, task_id: TaskId, role: Role, custodian: PersonId | None = None) -> str:
    """Return the code, six decimal digits, of one person for one task; a custodian has one of their own."""
    whose = role.value if custodian is None else f"custodian/{custodian}"
    mac = hmac.new(secret, f"{task_id}/{whose}".encode(), hashlib.sha256).digest()
    return f"{int.from_bytes(mac[:8], 'big') % 10**DIGITS:0{DIGITS}d}"


def hash_code(code: str, salt: bytes) -> str:
    """Return "salt$hash" in hex (scrypt, RFC 7914)."""
    return f"{salt.hex()}${_scrypt(code, salt).hex()}"


def is_code(code: str, code_hash: str) -> bool:
    """Return whether the code belongs to the hash, in constant time; False for a malformed hash."""
    salt_hex, _, expected_hex = code_hash.partition("$")
    try:
        salt, expected = bytes.fromhex(salt_hex), bytes.fromhex(expected_hex)
    except ValueError:
        return False
    return bool(expected) and hmac.compare_digest(_scrypt(code, salt), expected)


def _scrypt(code: str, salt: bytes) -> bytes:
    return hashlib.scrypt(code.encode(), salt=salt, n=_SCRYPT_N, r=_SCRYPT_R, p=_SCRYPT_P, dklen=32)
