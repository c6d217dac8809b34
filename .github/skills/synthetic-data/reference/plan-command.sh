physai synthetic-data plan OUT/dataset --variations light.yaml --output OUT/plan.json
