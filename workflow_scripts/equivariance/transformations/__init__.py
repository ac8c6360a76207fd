"""Affine transformations of the image plane: matrices, finite sets of them, exact inverses, batched warping.

`parameters` needs the standard library alone, so that a configuration can be checked without torch.
"""
