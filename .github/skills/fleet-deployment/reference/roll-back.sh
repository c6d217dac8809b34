physai fleet-deployment release rollback --cohort pilot --by anna --reason "overshoots at the shelf"
