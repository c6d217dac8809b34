"""What the robots say: read from their files, kept once each, counted."""
