"""Software in the loop: a served policy plays a simulated robot on stored conditions."""
