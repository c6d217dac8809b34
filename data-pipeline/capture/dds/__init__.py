"""ROS 2 topics over DDS, without ROS: Cyclone DDS with the names, types and bytes that ROS 2 uses."""
