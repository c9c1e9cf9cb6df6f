"""One-time codes."""

from hypothesis import given, settings
from hypothesis import strategies as st

from robot_ops.core.ids import TaskId
from robot_ops.tasks.codes import DIGITS, Role, derive_code, hash_code, is_code


@given(secret=st.binary(min_size=1, max_size=40), task=st.text(max_size=20), role=st.sampled_from(Role))
def test_codes_are_six_digits_and_repeatable(secret: bytes, task: str, role: Role) -> None:
    code = derive_code(secret, TaskId(task), role)
    assert len(code) == DIGITS
    assert code.isdecimal()
    assert code == derive_code(secret, TaskId(task), role)


def test_codes_differ_by_secret_task_and_role() -> None:
    codes = {
        derive_code(secret, TaskId(task), role)
        for secret in (b"one", b"two")
        for task in ("deliver-000001", "deliver-000002")
        for role in Role
    }
    assert len(codes) == 8


@settings(max_examples=20, deadline=None)
@given(code=st.from_regex(r"[0-9]{6}", fullmatch=True), other=st.text(max_size=8), salt=st.binary(max_size=16))
def test_only_the_code_fits_its_hash(code: str, other: str, salt: bytes) -> None:
    code_hash = hash_code(code, salt)
    assert code not in code_hash.partition("$")[2]
    assert is_code(code, code_hash)
    assert is_code(other, code_hash) == (other == code)


def test_malformed_hashes_fit_nothing() -> None:
    for code_hash in ("", "$", "zz$00", "00$zz", "00$", "123456"):
        assert not is_code("123456", code_hash)
