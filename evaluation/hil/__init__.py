"""Hardware in the loop: the policy runs on the device it will ship to, at the rate of the wall clock."""
