physai fleet-intelligence drift silence sha256:0000000000000000000000000000000000000000000000000000000000000000 --hours 48 --by anna --reason "gripper is being exchanged"
