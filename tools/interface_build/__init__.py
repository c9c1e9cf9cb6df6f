"""Compiles ROS interface packages into wheels with the generators of the ROS wheels and gcc: no CMake, no colcon.

`python -m tools.interface_build --help` says how. Where ROS 2 is installed, colcon builds the same packages instead.
"""
