"""What was recorded leaves the robot, over any line, without loss."""
