physai evaluation conditions create --task Isaac-Reach-UR10 --world moved-target --episodes 64 --seed 9 --output conditions.json
