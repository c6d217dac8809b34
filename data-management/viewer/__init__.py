"""See, judge and curate episodes in a browser."""
