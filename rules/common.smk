# What all rules share: the settings of the run, what it consists of, and the helpers that name files and parameters.
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

SCRIPTS = Path(workflow.basedir) / "workflow_scripts"
sys.path.insert(0, str(SCRIPTS))

from equivariance.config import load_config
from equivariance.digest import code_digest
from equivariance.errors import UserError
from equivariance.measures.names import FAMILIES
from equivariance.plan import Measurement, Network, Plan, batches

try:
    CONFIG = load_config(config, Path(workflow.basedir) / "config" / "schemas")
except UserError as error:
    raise WorkflowError(str(error)) from None
PLAN = Plan(CONFIG)


wildcard_constraints:
    run=CONFIG.run,
    dataset="|".join(CONFIG.datasets),
    measured_dataset="|".join(CONFIG.datasets),
    model="|".join(CONFIG.models),
    trained_with="|".join([*CONFIG.transformations, "untrained"]),
    seed=r"\d+",
    savepoint="|".join(CONFIG.savepoints()),
    part="train|test",
    measured_with="|".join(CONFIG.transformations),
    samples=r"\d+",
    family="|".join(FAMILIES),
    experiment="|".join(CONFIG.experiments),


def code_of(script, *plugins):
    """Digest of what a script runs; see equivariance/digest.py."""
    return code_digest(SCRIPTS / f"{script}.py", *plugins)


def dataset_file(name):
    """The prepared file of a data set."""
    return f"results/data/{name}.npz"


def network_file(network, file):
    """A file in the folder of a network."""
    return f"results/{CONFIG.run}/models/{network.folder}/{file}"


def measurement_file(measurement):
    """The table of a measurement."""
    return f"results/{CONFIG.run}/measures/{measurement.path}"


def network_of(wildcards):
    """The network that the wildcards of a path name."""
    return Network(
        wildcards.dataset, wildcards.model, wildcards.trained_with, int(wildcards.seed)
    )


def figure_files():
    """PDF and PNG of every experiment."""
    stems = [f"results/{CONFIG.run}/figures/{name}" for name in CONFIG.experiments]
    return [f"{stem}.{suffix}" for stem in stems for suffix in ("pdf", "png")]


def experiment_of(kind):
    """Wildcard constraint: the experiments whose table is made of profiles, accuracies or images."""
    return "|".join(PLAN.experiments(kind)) or "(none of this kind)"
