"""Figures of experiments, one module for each kind. They read tables and image grids, never torch."""
