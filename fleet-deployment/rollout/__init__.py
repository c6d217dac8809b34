"""A release across many robots: cohort after cohort, on evidence, and back when it fails."""
