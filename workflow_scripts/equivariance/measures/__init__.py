"""Measures of invariance and same-equivariance: one sweep over samples and transformations, one file per family."""
