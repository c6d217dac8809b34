physai data-management dataset curate OUT/monday --merge OUT/tuesday --heldout 0.2 --no-publish --output OUT/curated
