"""Training as workflows: from demonstrations to a registered package, each step gated by the one before it."""
