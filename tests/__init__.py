"""Tests; a package, so that `tests.faults.kills` is this one and none that a library installs."""
