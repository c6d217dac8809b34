"""NVIDIA Cosmos: Transfer2.5, Predict2.5 and Reason2 by their own input formats."""
