"""The names that a configuration checks are those that the library computes."""

import subprocess
import sys

from equivariance.measures.names import FAMILIES, RATIOS
from equivariance.measures.registry import family, resolve


def test_each_family_computes_the_measures_that_its_name_promises():
    for name, measures in FAMILIES.items():
        assert tuple(measure.name for measure in family(name)) == measures


def test_ratios_are_named_with_their_parts():
    by_map = {m.numerator: m.name for name in FAMILIES for m in family(name) if m.denominator is None}
    ratios = {
        m.name: (by_map[m.numerator], by_map[m.denominator])
        for name in FAMILIES
        for m in family(name)
        if m.denominator is not None
    }
    assert ratios == RATIOS


def test_measures_are_found_by_their_own_name_or_that_of_their_family_once():
    assert [m.name for m in resolve("variance")] == ["tv", "sv", "nv"]
    assert [m.name for m in resolve(["nv"])] == ["nv"]
    assert [m.name for m in resolve(["nv", "variance"])] == ["nv", "tv", "sv"]


def test_the_names_do_not_import_torch():
    code = "import sys, equivariance.measures.names; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
