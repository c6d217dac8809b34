"""MCAP recordings become a LeRobot v3.0 dataset."""
