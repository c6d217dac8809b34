physai training il train --dataset OUT/dataset --policy diffusion --observation image --precision bf16 --checkpoint-every 250 --output OUT/run
