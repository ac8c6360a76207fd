"""The command line, for who has a network and images and does not write Python.

`arguments` needs the standard library alone, so that help and mistakes in names answer at once.
"""
