"""The main job: laps of the loop, each started by what the one before it learned."""
