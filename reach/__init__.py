"""What a realm allows, answered once: whose tokens name whom, who may exchange them, and why. Writes nothing."""
