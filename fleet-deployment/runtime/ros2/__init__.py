"""A robot that speaks ROS 2: over DDS without ROS, or through rclpy."""
