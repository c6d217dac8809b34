"""What runs on a robot: stage, verify and activate a release, then work with it and tell how it went."""
