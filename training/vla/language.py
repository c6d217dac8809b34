"""Marks a process in which LeRobot has `transformers`; import it before anything of `il` that imports LeRobot.

See `il/lean.py`.
"""
