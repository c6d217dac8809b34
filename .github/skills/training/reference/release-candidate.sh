physai training pipeline run release-candidate --set dataset=OUT/dataset --set steps=500
