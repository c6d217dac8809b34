"""Sets up an edge: every step is a list of commands, shown before they run."""
