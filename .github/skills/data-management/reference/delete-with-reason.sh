physai data-management dataset delete OUT/dataset --episodes 3,7:9 --reason "gripper slipped"
