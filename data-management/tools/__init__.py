"""Describe, check, judge and edit LeRobot datasets."""
