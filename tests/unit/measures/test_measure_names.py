"""The names that a configuration checks are those that the library computes."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from equivariance.errors import UserError
from equivariance.measures.catalog import MEASURES, Row
from equivariance.measures.names import FAMILIES, base, mistake, parameter, parts
from equivariance.measures.registry import resolve

EVERY = {name: resolve(name)[0] for name in MEASURES}
INVALID = "invalid parameter; valid:"


def test_every_row_is_a_measure_of_its_own_name_from_a_map_of_its_own_accumulator():
    for name, row in MEASURES.items():
        accumulator = EVERY[name].source.accumulator
        assert (EVERY[name].name, row.name) == (name, name)
        assert (
            f"{accumulator.__module__}.{accumulator.__name__}" == f"equivariance.measures.{row.accumulator}"
        )
        assert {*EVERY[name].maps} <= {*accumulator.BY_ROWS, *accumulator.BY_COLUMNS}


def test_families_have_measures_of_their_own():
    for family, measures in FAMILIES.items():
        assert measures and {MEASURES[name].family for name in measures} == {family}
    assert list(FAMILIES) == ["invariance", "same_equivariance"]


def test_scales_are_those_that_are_documented():
    scales = {row.scale for row in MEASURES.values()}
    assert scales == {"normalized", "share", "ratio", "distance", "activations"}
    assert all(f'"{scale}"' in str(Row.__doc__) for scale in scales)


def test_a_ratio_and_its_parts_share_an_accumulator():
    for name, row in MEASURES.items():
        assert (row.ratio_of is None) == (EVERY[name].denominator is None) == bool(row.map)
        for part, of_ratio in zip(parts(name), EVERY[name].maps, strict=bool(row.ratio_of)):
            assert EVERY[part].source == EVERY[name].source
            assert EVERY[part].maps == (of_ratio,)
    assert len({measure.source for measure in resolve(["tv", "sv", "nv", "anova", "eta_squared"])}) == 1


def test_same_equivariance_is_the_invariance_of_maps_with_the_transformation_undone():
    for name, row in MEASURES.items():
        if row.view == "returned":
            plain = EVERY[name.replace("se", "", 1)]
            assert EVERY[name].maps == plain.maps
            assert EVERY[name].source == replace(plain.source, view="returned")


def test_measures_are_found_by_their_own_name_or_that_of_their_family_once():
    assert tuple(m.name for m in resolve("invariance")) == FAMILIES["invariance"]
    assert [m.name for m in resolve(["nv"])] == ["nv"]
    assert [m.name for m in resolve(["eta_squared", "invariance", "nv"])][:3] == ["eta_squared", "tv", "sv"]
    assert len(resolve(["nv", "nv", "invariance", "invariance"])) == len(FAMILIES["invariance"])


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
    "name, reason",
    [
        *((f"nd@{text}", f"{INVALID} a whole number of vectors from 2") for text in ("1", "2.5", "")),
        *((f"anova@{text}", f"{INVALID} a confidence between 0 and 1") for text in ("1", "0", "x")),
        ("goodfellow_normal@nan", f"{INVALID} an alpha between 0 and 1"),
        *((f"{name}@0.5", f"{name} takes no parameter") for name in ("nv", "eta_squared", "dses")),
    ],
)
def test_a_wrong_parameter_is_named_with_what_is_valid(name, reason):
    assert mistake(name) == f"measure {name!r}: {reason}"
    with pytest.raises(UserError, match=f"measure {name!r}: "):
        resolve(name)


def test_an_unknown_measure_is_named_with_those_near_it():
    assert mistake("nw").startswith("unknown measure 'nw'; valid: ")
    for name in ("nw", "nw@3", "variance"):
        with pytest.raises(UserError, match=f"unknown measure '{name}'"):
            resolve(name)


def test_no_measure_at_all_is_an_error():
    with pytest.raises(UserError, match="no measures; valid: invariance, same_equivariance, tv"):
        resolve([])


def test_the_names_do_not_import_torch():
    code = (
        "import sys, equivariance.measures.names, equivariance.measures.sample_counts;"
        "sys.exit(not {'torch', 'numpy', 'pandas'}.isdisjoint(sys.modules))"
    )
    scripts = Path(__file__).resolve().parents[3] / "workflow_scripts"
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(scripts)}).returncode == 0
