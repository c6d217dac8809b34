"""Small policies, evaluated: one that imitates, one that learned by reward, and a rehearsal between two processes."""
