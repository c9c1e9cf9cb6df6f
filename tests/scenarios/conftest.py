"""What all scenarios need: compiled kernels, so that no command under test compiles them (and says so)."""

import pytest

from robot_ops.bringup.kernels import ensure_kernels


@pytest.fixture(scope="session", autouse=True)
def kernels() -> None:
    """Compile what is not compiled yet; nothing in a run of the test command, whose set-up has done so."""
    ensure_kernels(lambda _text: None)
