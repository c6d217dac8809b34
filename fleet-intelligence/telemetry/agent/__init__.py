"""On the robot: takes events in, keeps them through kills and days off-line, sends each until it is acknowledged."""
