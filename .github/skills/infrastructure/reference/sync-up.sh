physai storage sync OUT/dataset azure://fleet/robots/datasets/reach
