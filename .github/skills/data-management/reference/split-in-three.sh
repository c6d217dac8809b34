physai data-management dataset split OUT/good --part train=0.8 --part val=0.1 --part test=0.1 --seed 7 --output OUT/parts
