"""Collaborative robot orchestration on ROS 2."""
