"""What came of a plan, for a person to look at: what was rejected and why, what is covered, how diverse it is."""
