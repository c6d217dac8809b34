"""Whether a policy does in production what its evaluation promised."""
