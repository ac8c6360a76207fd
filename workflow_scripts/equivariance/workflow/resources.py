"""What a job asks a cluster for: more when it is tried again."""

from collections.abc import Callable
from typing import Any

Resource = Callable[[Any, int], int]
"""A resource of a rule, by the wildcards and the attempt, which counts from 1."""


def minutes(amount: int | Callable[[Any], int]) -> Resource:
    """A time limit, a number or of the wildcards; longer at each attempt, which goes on from checkpoints."""
    return lambda wildcards, attempt: attempt * (amount(wildcards) if callable(amount) else amount)


def memory(megabytes: int) -> Resource:
    """Memory, twice as much from the second attempt on; not more and more, which no node might have."""
    return lambda wildcards, attempt: min(attempt, 2) * megabytes
