"""Hear the fleet, notice drift, ask for the right data."""
