"""Walks through this domain's commands."""
