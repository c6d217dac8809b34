"""Train policies and package them for a robot."""
