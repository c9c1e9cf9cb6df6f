"""How kernels are compiled; see `robot_ops.core.compiler`."""

from robot_ops.core.compiler import kernel

__all__ = ["kernel"]
