"""What a fleet does, small enough to read."""
