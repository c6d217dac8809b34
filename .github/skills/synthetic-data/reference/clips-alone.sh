physai synthetic-data write OUT/plan.json OUT/dataset OUT/clips OUT/report.json --output OUT/varied --no-originals
