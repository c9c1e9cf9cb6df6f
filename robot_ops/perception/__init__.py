"""People and tags from camera and lidar."""
