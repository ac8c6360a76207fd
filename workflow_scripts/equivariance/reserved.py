"""Words with a meaning of their own in configurations, paths and tables."""

NONE = "none"
"""In the place of a set: the identity alone; of a scheme: that nothing is retrained."""

UNTRAINED = "untrained"
"""In the place of a set: that a network keeps its initial weights."""

OWN = "own"
"""In the place of a set or of a data set to measure with: that of the network's last training."""

FINAL = "final"
"""The savepoint at the end of training."""
