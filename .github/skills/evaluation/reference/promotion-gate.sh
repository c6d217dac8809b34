physai evaluation gate check OUT/compare/report.json --package OUT/package --gates evaluation/gates-promote.yaml --output OUT/verdict.json
