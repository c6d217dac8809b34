physai fleet-intelligence drift check --report OUT/report.json --package OUT/package --site plant-1 --horizon 300 --output OUT/drift.json --html OUT/drift.html
