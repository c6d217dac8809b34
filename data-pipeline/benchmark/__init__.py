"""Measures the recorder and the converter beside their peers."""
