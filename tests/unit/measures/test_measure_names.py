"""The names that a configuration checks are those that the library computes."""

import subprocess
import sys

import pytest

from equivariance.errors import UserError
from equivariance.measures.names import (
    FAMILIES,
    FAMILY_OF,
    MEMBERS,
    MODULE_OF,
    MODULES,
    RATIOS,
    base,
    mistake,
    parameter,
)
from equivariance.measures.registry import resolve


def test_every_name_is_a_measure_of_its_own_name_from_its_own_module():
    for name, module in MODULE_OF.items():
        (measure,) = resolve(name)
        assert measure.name == name
        expected = {module} if module != "same_equivariance" else {"variance", "distance", module}
        assert measure.source.accumulator.__module__.rpartition(".")[2] in expected


def test_every_module_belongs_to_one_family_and_members_to_theirs():
    assert sorted(module for modules in FAMILIES.values() for module in modules) == sorted(MODULES)
    assert MEMBERS.keys() == FAMILIES.keys()
    for family, members in MEMBERS.items():
        assert {FAMILY_OF[member] for member in members} == {family}


def test_ratios_are_named_with_their_parts():
    measures = {name: resolve(name)[0] for name in FAMILY_OF}
    assert {name for name, m in measures.items() if m.denominator is not None} == RATIOS.keys()
    for name, (numerator, denominator) in RATIOS.items():
        parts = measures[numerator], measures[denominator]
        assert [part.source for part in parts] == [measures[name].source] * 2
        assert (parts[0].numerator, parts[1].numerator) == (
            measures[name].numerator,
            measures[name].denominator,
        )


def test_a_ratio_and_its_parts_share_an_accumulator():
    assert len({measure.source for measure in resolve(["tv", "sv", "nv", "anova", "eta_squared"])}) == 1


def test_same_equivariance_is_the_invariance_of_maps_with_the_transformation_undone():
    for name in MODULES["same_equivariance"]:
        if not name.startswith("dses"):
            (ours,) = resolve(f"{name}@8" if "d" in name[:2] else name)
            (plain,) = resolve(ours.name.replace("se", "", 1))
            assert (ours.numerator, ours.denominator) == (plain.numerator, plain.denominator)
            assert ours.source.accumulator is plain.source.accumulator
            assert ours.source.options == plain.source.options
            assert (ours.source.view, plain.source.view) == ("returned", "activations")


def test_measures_are_found_by_their_own_name_or_that_of_their_family_once():
    assert tuple(m.name for m in resolve("invariance")) == MEMBERS["invariance"]
    assert [m.name for m in resolve(["nv"])] == ["nv"]
    assert [m.name for m in resolve(["eta_squared", "invariance", "nv"])][:3] == ["eta_squared", "tv", "sv"]
    assert len(resolve(["nv", "nv", "invariance", "invariance"])) == len(MEMBERS["invariance"])


@pytest.mark.parametrize(
    "name, expected",
    [
        ("nv", None),
        ("nd@2", 2),
        ("ndse_normalize_keep@32", 32),
        ("anova@0.95", 0.95),
        ("anova_uncorrected@0.5", 0.5),
        ("goodfellow_percentile_original_local@0.999", 0.999),
    ],
)
def test_parameters_are_read_from_names_and_change_the_measure(name, expected):
    assert mistake(name) == ""
    assert parameter(name) == expected
    (measure,) = resolve(name)
    assert measure.name == name
    assert expected is None or measure.source != resolve(base(name))[0].source


@pytest.mark.parametrize(
    "name", ["nd@1", "nd@2.5", "nd@", "nv@3", "eta_squared@0.5", "dses@3", "anova@1", "anova@0", "anova@x"]
)
def test_a_parameter_that_is_not_valid_is_named(name):
    assert f"measure '{name}': not a valid parameter; td, sd and nd take a number from 2" in mistake(name)
    with pytest.raises(UserError, match=f"measure '{name}': not a valid parameter"):
        resolve(name)


def test_an_unknown_measure_is_named_with_those_near_it():
    assert mistake("nw").startswith("unknown measure 'nw'; valid: ")
    for name in ("nw", "nw@3", "variance"):
        with pytest.raises(UserError, match=f"unknown measure '{name}'"):
            resolve(name)


def test_no_measure_at_all_is_an_error():
    with pytest.raises(UserError, match="no measure given; valid: invariance, same_equivariance, tv"):
        resolve([])


def test_the_names_do_not_import_torch():
    code = "import sys, equivariance.measures.names; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
