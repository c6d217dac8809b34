"""The robot's machine as a resource of Azure: onboarding, edge storage, and what runs there."""
