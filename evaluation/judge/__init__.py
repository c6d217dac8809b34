"""A second opinion from the film of an evaluation; it decides nothing."""
