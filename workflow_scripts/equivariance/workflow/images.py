"""What the images that experiments show are made from."""

from typing import Any

from equivariance.workflow.run import Run
from equivariance.workflow.tables import measurement_rows


def image_settings(run: Run, experiment: str) -> dict[str, Any]:
    """The sets of transformations under which images are laid out, and how."""
    images = run.config.experiments[experiment]["images"]
    sets = {name: run.config.set_definition(name) for name in run.config.set_names(images["sets"])}
    chosen = {key: images[key] for key in ("layout", "samples", "members")}
    return {"sets": sets, **chosen, "padding": run.config.padding}


def feature_map_settings(run: Run, experiment: str) -> dict[str, Any]:
    """The measurements whose feature maps are shown, with networks and transformations, and which maps."""
    measurements = [
        {
            **row,
            "folder": run.network_folder(one.network),
            "measured_dataset": one.dataset,
            "part": one.part,
            "transformation_set": run.config.set_definition(one.measured_with),
        }
        for row, one in zip(measurement_rows(run, experiment), run.plan.sweeps(experiment), strict=True)
    ]
    shown = dict(run.config.experiments[experiment]["feature_maps"])
    return {"measurements": measurements, "shown": shown, "padding": run.config.padding}


def feature_map_code(run: Run, experiment: str) -> str:
    """Digest of the code that lays out feature maps, with the families of their networks."""
    families = {run.family_module(one.network) for one in run.plan.measurements(experiment)}
    return run.code("collect_feature_maps", *sorted(families))
