"""More episodes from the ones that were recorded."""
