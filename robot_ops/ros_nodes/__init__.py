"""ROS 2 nodes: the only package that speaks rclpy."""
