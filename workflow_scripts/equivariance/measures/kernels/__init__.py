"""Inner loops of the measures on a CPU, compiled by numba: one module for each family of loops."""
