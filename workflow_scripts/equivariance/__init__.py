"""Measures of invariance and same-equivariance of neural networks, and what the thesis needs around them."""
