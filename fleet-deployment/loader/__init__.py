"""What brings policies onto a robot: see what is wanted, pull and prove it, and let it take over between two steps."""
