"""Checks generated clips against the recorded actions before they may become data."""
