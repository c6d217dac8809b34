physai data-management dataset label OUT/dataset --where "quality.sharpness < 0.2" --add blurred --review reject
