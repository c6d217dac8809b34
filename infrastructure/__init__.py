"""Ground floor of physai: contracts, storage, jobs, tracking, registry, simulation."""
