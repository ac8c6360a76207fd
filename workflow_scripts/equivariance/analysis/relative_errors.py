"""How far a measure of few images and transformations is from that of many."""

import pandas as pd

from equivariance.analysis.distances import relative_difference
from equivariance.errors import UserError

SIZES = ["samples", "transformations"]


def relative_errors(profiles: pd.DataFrame) -> pd.DataFrame:
    """Mean over seeds of the relative differences (numbers of images, numbers of transformations).

    A difference is `relative_difference` of a network's profile and its one of the largest corner, with the
    most images and the most transformations. Both numbers ascend; NaN where nothing was measured. Raises
    UserError where a network lacks the largest corner.
    """
    largest = tuple(int(profiles[name].max()) for name in SIZES)
    found = []
    for seed, network in profiles.groupby("seed"):
        wide = network.pivot_table(index=SIZES, columns="layer", values="mean")
        if largest not in wide.index:
            raise UserError(
                f"the network of seed {seed} was not measured with {largest[0]} images and {largest[1]} "
                "transformations, the largest numbers that others were measured with"
            )
        corner = wide[wide.index == largest].to_numpy()[0]
        errors = [relative_difference(profile, corner) for profile in wide.to_numpy()]
        found.append(wide.index.to_frame(index=False).assign(error=errors))
    return pd.concat(found).pivot_table(index=SIZES[0], columns=SIZES[1], values="error", aggfunc="mean")
