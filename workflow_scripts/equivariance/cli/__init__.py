"""The command line: measure a network on a folder of images without writing Python.

`arguments` imports the standard library alone, so that help and errors in names appear at once.
"""
