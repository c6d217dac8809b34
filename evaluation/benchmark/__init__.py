"""What the evaluation's speed and economy goals are measured by."""
