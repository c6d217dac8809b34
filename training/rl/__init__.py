"""Reinforcement learning in Isaac Lab, by RSL-RL and skrl."""
