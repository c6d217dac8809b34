"""The fleet's Git repository: which cohort is to run which package, on what evidence, and who let it."""
