"""Record robot episodes and convert them into LeRobot datasets."""
