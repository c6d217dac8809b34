physai training il train --dataset OUT/monday --dataset OUT/tuesday --steps 2000 --seed 3 --output OUT/run
