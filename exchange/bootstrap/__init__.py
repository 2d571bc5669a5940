"""``bootstrap``: the robot that manages grants."""
