"""ROS 2 messages without ROS: their definitions, their bytes, and Cyclone DDS with the names and types of ROS 2."""
