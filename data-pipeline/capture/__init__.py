"""Robot episodes become MCAP recordings."""
