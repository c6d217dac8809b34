"""Closed-loop evidence about a policy, and the gate that reads it."""
