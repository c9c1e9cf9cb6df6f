"""Where simulations write: ledger and custody logs in memory, the product's own SQL."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from robot_ops.core.ids import RobotId
from robot_ops.ledger.custody_log import SqliteCustodyLog
from robot_ops.ledger.places import MEMORY_URL
from robot_ops.ledger.sql_ledger import SqlLedger
from robot_ops.simulation.soak import Storage


@contextmanager
def open_storage() -> Iterator[Storage]:
    """Open a ledger and, when asked for, custody logs; all is gone at the end."""
    with ExitStack() as stack:

        def custody(robot: RobotId) -> SqliteCustodyLog:
            return stack.enter_context(SqliteCustodyLog(robot, None))

        yield Storage(ledger=stack.enter_context(SqlLedger(MEMORY_URL)), custody=custody)
