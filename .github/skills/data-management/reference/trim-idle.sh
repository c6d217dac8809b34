physai data-management dataset trim OUT/dataset --episodes 0: --idle --output OUT/trimmed
