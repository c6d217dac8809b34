"""What runs a policy on a robot: a step loop at the rate of its contract, guard, watchdog, ways to the motors."""
