"""ROS 2 topics heard over DDS, without ROS, and calls of a service answered."""
