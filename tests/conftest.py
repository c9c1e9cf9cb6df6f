"""What all tests share: the environment that processes under test inherit."""

import os

# Before any message package is imported: without it wrong values are serialized silently.
os.environ.setdefault("ROS_PYTHON_CHECK_FIELDS", "1")
os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
# Two test runs on one machine do not hear each other; domains above 101 collide with ephemeral ports (ROS 2 docs).
os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 101))
os.environ.setdefault("MUJOCO_GL", "egl")
