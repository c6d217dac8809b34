physai training il train --dataset azure://robots/datasets/reach#sha256:0000000000000000000000000000000000000000000000000000000000000000 --output OUT/run
