"""The errors of robot_ops, split by whose fault they are.

RobotOpsError
├── InputError            somebody's input is wrong; nothing was changed; the CLI exits with 2
│   ├── SiteError         a site file
│   ├── WorldError        a world or model (SDF) file
│   ├── ScenarioError     a scenario file
│   ├── RequestError      a task request or an operator's command
│   ├── TreeError         a behavior tree file
│   ├── BackupError       a backup or archive file of the ledger
│   ├── ParameterError    a parameter or a command line argument
│   └── SetupError        the machine or its environment (a port taken, ROS sourced beside the wheels, no GL)
├── StateError            an event that the receiver's state does not allow; nothing was changed
├── LedgerError           the ledger cannot be read or written (disk full, locked, damaged)
└── LinkError             another process, robot or device did not answer in time
"""


class RobotOpsError(Exception):
    """Root of all errors that robot_ops raises on purpose."""


class InputError(RobotOpsError):
    """Wrong input, told so that its owner can mend it.

    Args:
        what: what is wrong, in one sentence without a full stop.
        where: file and line, field or argument ("sites/hall.yaml:12, places.kiosk_1.at"); may be empty.
        mend: what to do about it, in one sentence without a full stop; may be empty.
    """

    def __init__(self, what: str, *, where: str = "", mend: str = "") -> None:
        self.what = what
        self.where = where
        self.mend = mend
        text = f"{where}: {what}" if where else what
        super().__init__(f"{text}. {mend}." if mend else text)


class SiteError(InputError):
    """A site file is wrong."""


class WorldError(InputError):
    """A world or model file is wrong."""


class ScenarioError(InputError):
    """A scenario file is wrong."""


class RequestError(InputError):
    """A task request or an operator's command is wrong."""


class TreeError(InputError):
    """A behavior tree file is wrong."""


class BackupError(InputError):
    """A backup or archive file of the ledger is wrong."""


class ParameterError(InputError):
    """A parameter or command line argument is wrong."""


class SetupError(InputError):
    """The machine or its environment is not as robot_ops needs it."""


class StateError(RobotOpsError):
    """An event that the receiver's state does not allow. Nothing was changed."""


class LedgerError(RobotOpsError):
    """The ledger cannot be read or written."""


class LinkError(RobotOpsError):
    """Another process, robot or device did not answer in time."""
