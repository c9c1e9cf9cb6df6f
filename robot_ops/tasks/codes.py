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
COST: Final = 2**12
"""scrypt's N: some milliseconds and 4 MiB for each try."""
_COSTS: Final = frozenset(2**k for k in range(1, 16))
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


def hash_code(code: str, salt: bytes, *, cost: int = COST) -> str:
    """Return "cost$salt$hash", the latter two in hex (scrypt, RFC 7914).

    Args:
        cost: a power of two; less than `COST` only where nothing real is protected, as in simulations.
    """
    return f"{cost}${salt.hex()}${_scrypt(code, salt, cost).hex()}"


def is_code(code: str, code_hash: str) -> bool:
    """Return whether the code belongs to the hash, in constant time; False for a malformed hash."""
    try:
        cost_text, salt_hex, expected_hex = code_hash.split("$")
        cost, salt, expected = int(cost_text), bytes.fromhex(salt_hex), bytes.fromhex(expected_hex)
    except ValueError:
        return False
    return bool(expected) and cost in _COSTS and hmac.compare_digest(_scrypt(code, salt, cost), expected)


def _scrypt(code: str, salt: bytes, cost: int) -> bytes:
    return hashlib.scrypt(code.encode(), salt=salt, n=cost, r=_SCRYPT_R, p=_SCRYPT_P, dklen=32)
