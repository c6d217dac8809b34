"""What the goals of training and packaging are measured by."""
