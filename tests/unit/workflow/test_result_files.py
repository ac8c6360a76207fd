"""The files of a run: what its manifest asks for, and what that is made from."""

from pathlib import Path

import pytest

from equivariance.workflow.loading import SECTIONS, load_config
from equivariance.workflow.results import end_products, result_files
from equivariance.workflow.run import Run
from equivariance.workflow.tables import table_inputs
from equivariance.workflow.yaml_files import read_yaml

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("sizes", [(), ("laptop",), ("quick",)], ids=["thesis", "laptop", "quick"])
def test_end_products_are_made_from_all_networks_and_measurements(sizes: tuple[str, ...]) -> None:
    """So that the manifest, which asks for end products only, is written after all of them."""
    files = [ROOT / "config" / f"{name}.yaml" for name in ("config", *SECTIONS, *sizes)]
    run = Run(load_config(read_yaml(*files), ROOT / "config" / "schemas"), ROOT)
    last = {*end_products(run)}
    shown = {file for name in run.config.experiments for file in table_inputs(run, name)}
    begun_from = {run.network_file(one.initial) for one in run.plan.networks() if one.retrained}
    others = {*result_files(run)} - last
    assert len(others) > 100
    assert others <= shown | begun_from
