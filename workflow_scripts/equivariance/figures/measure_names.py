"""The names a reader sees for measures and aggregations, which are those of `measures.names`."""

from equivariance.measures.names import AGGREGATIONS, FLOOR, is_normalized, measure_name

__all__ = ["AGGREGATIONS", "FLOOR", "is_normalized", "measure_name"]
