"""What may happen next: whether evidence speaks for a package, and which step a robot's policy may take."""
