"""The image in which jobs run with `--sdm apptainer`."""

from pathlib import Path

from equivariance.errors import UserError


def check_container(image: str | None) -> None:
    """Raise UserError if no image is named, or if none is at its path. What a URL names is not looked at.

    Without this, jobs would run outside a container, as if none had been asked for.
    """
    if image is None:
        raise UserError(
            "--sdm apptainer needs an image: build one, apptainer build equivariance.sif container.def,"
            " and name it, --config container=equivariance.sif"
        )
    if "://" not in image and not Path(image).exists():
        raise UserError(
            f"container: there is no image {image}; build it: apptainer build {image} container.def"
        )
