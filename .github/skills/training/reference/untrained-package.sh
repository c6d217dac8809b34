physai training package build OUT/run --checkpoint 000000 --output OUT/untrained
