"""Release a policy package to robots, and run it there."""
