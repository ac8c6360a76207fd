"""What a command that compares found."""


class Differences(Exception):
    """What was compared differs: the text names the differences, and the exit status is 1."""
