physai training vla train --dataset OUT/dataset --start OUT/base --lora-rank 16 --output OUT/run
