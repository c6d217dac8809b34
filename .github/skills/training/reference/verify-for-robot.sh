physai training package verify OUT/package --robot ur10.urdf --rate-hz 30 --statistics OUT/dataset/meta/stats.json --key cosign.pub
