"""Measures edits, reading and validation, LeRobot's own beside them in the same run."""
