"""Validate, split, merge and trace LeRobot datasets."""
