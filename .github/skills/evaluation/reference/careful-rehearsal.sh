physai evaluation hil run --conditions conditions.json --package OUT/package --server http://jetson:8000 --limited-rad-s 0.1 --max-misses 5 --output OUT/hil.json
