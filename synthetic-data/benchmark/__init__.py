"""Measures how many faults the checks find, and what each stage takes."""
