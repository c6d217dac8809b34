physai evaluation sil run --conditions conditions.json --policy candidate=OUT/package --policy champion=OUT/champion --expert --output OUT/evaluation
