"""The fleet as it is now: a page that follows the store, and the same numbers for Prometheus."""
