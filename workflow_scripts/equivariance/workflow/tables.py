"""What the table of each experiment is made from."""

from collections.abc import Iterator
from typing import Any

from equivariance.figures.kinds import figure_kind
from equivariance.reserved import FINAL
from equivariance.transformations.parameters import set_size
from equivariance.workflow.plan import Measurement
from equivariance.workflow.run import Run


def table_settings(run: Run, experiment: str) -> dict[str, Any]:
    """What the script `make_tables` needs: the kind of table, a mapping for each network, and options."""
    kind = run.plan.kind(experiment)
    figure = figure_kind(run.config.experiments[experiment]["figure"]["kind"])
    options = {"classes": figure.needs_classes, "floors": figure.shows_floors}
    return {
        "kind": kind,
        "rows": list(_rows(run, experiment, kind)),
        "options": options if kind == "profiles" else {},
    }


def table_inputs(run: Run, experiment: str) -> list[str]:
    """The files that these are read from."""
    if run.plan.kind(experiment) == "histories":
        return [run.network_file(network) for network in run.plan.networks(experiment)]
    measurements = run.plan.measurements(experiment)
    return [*run.measurement_files(measurements), *run.measured_networks(measurements)]


def measurement_rows(run: Run, experiment: str) -> list[dict[str, Any]]:
    """The sweeps of an experiment, with the values that it wants of each, and the file of the accuracy of its
    network where that is a savepoint."""
    sweeps = run.plan.sweeps(experiment)
    sizes = {
        name: set_size(run.config.set_definition(name)) for name in {one.measured_with for one in sweeps}
    }
    return [
        {
            **_common(run, one),
            "measured_with": one.measured_with,
            "samples": one.samples,
            "transformations": sizes[one.measured_with],
            "stratified": one.stratified,
            "path_per_transformation": run.family(one.network).path_per_transformation,
            "values": run.plan.values(experiment, one),
            "accuracy": _accuracy_file(run, one),
        }
        for one in sweeps
    ]


def _rows(run: Run, experiment: str, kind: str) -> Iterator[dict[str, Any]]:
    if kind == "histories":
        for network in run.plan.networks(experiment):
            folder = run.network_folder(network)
            yield {
                **vars(network),
                "file": f"{folder}/history.csv",
                "description": run.network_file(network),
            }
    elif kind in ("accuracies", "class_accuracies"):
        for one in run.plan.measurements(experiment):
            yield {
                **_common(run, one),
                "tested_with": one.measured_with,
                "transformation_set": run.config.set_definition(one.measured_with),
            }
    else:
        yield from measurement_rows(run, experiment)


def _common(run: Run, one: Measurement) -> dict[str, Any]:
    return {
        **vars(one.network),
        "savepoint": one.savepoint,
        "measured_on": one.measured_on,
        "file": run.measurement_files([one])[0],
        "description": run.network_file(one.network),
    }


def _accuracy_file(run: Run, one: Measurement) -> str | None:
    accuracy = None if one.savepoint == FINAL else run.plan.accuracy(one.network, one.savepoint)
    return None if accuracy is None else run.measurement_files([accuracy])[0]
