"""Measures of invariance and same-equivariance: one sweep for all, one file per family."""
