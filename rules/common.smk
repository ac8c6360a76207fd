# What all rules share: the settings of the run, what it consists of, and the helpers that name files and parameters.
import sys
from dataclasses import asdict
from functools import cache
from pathlib import Path

from packaging.requirements import Requirement
from snakemake.exceptions import WorkflowError

SCRIPTS = Path(workflow.basedir) / "workflow_scripts"
sys.path.insert(0, str(SCRIPTS))

from equivariance.workflow.loading import load_config, read_yaml
from equivariance.workflow.digest import code_digest
from equivariance.errors import UserError
from equivariance.measures.names import MODULE_OF, base
from equivariance.reserved import FINAL, UNTRAINED
from equivariance.workflow.plan import ACCURACY, MEASURED_FAMILIES, Measurement, Network, Plan, batches
from equivariance.models.pretrained import FILES
from equivariance.transformations.parameters import set_size

# What a file of overrides names comes first in the merged configuration; the order of experiments.yaml is the paper's.
ORDER = read_yaml(Path(workflow.basedir) / "config" / "experiments.yaml")["experiments"]
if isinstance(given := config.get("experiments"), dict):
    config["experiments"] = {name: given[name] for name in [*ORDER, *given] if name in given}

try:
    CONFIG = load_config(config, Path(workflow.basedir) / "config" / "schemas")
except UserError as error:
    raise WorkflowError(str(error)) from None
PLAN = Plan(CONFIG)
STAND_INS = {name: entry["stand_in_for"] for name, entry in CONFIG.datasets.items()}


wildcard_constraints:
    run=CONFIG.run,
    dataset="|".join(CONFIG.datasets),
    measured_dataset="|".join(CONFIG.datasets),
    model="|".join(CONFIG.models),
    trained_with="|".join([*CONFIG.transformations, UNTRAINED]),
    retrained_with="|".join(CONFIG.transformations),
    scheme=r"\w+",
    seed=r"\d+",
    network=r"\w+/\w+/\w+(-\w+/\w+)?/seed\d+",
    savepoint="|".join(CONFIG.savepoints()),
    part="train|test",
    measured_with="|".join(CONFIG.transformations),
    samples=r"\d+",
    family="|".join(MEASURED_FAMILIES),
    experiment="|".join(CONFIG.experiments),


@cache
def code_of(script, *plugins):
    """Digest of what a script runs; see equivariance/workflow/digest.py."""
    return code_digest(SCRIPTS / f"{script}.py", *plugins)


def dataset_file(name):
    """The prepared file of a data set."""
    return f"results/data/{name}.npz"


def network_file(network, file):
    """A file in the folder of a network."""
    return f"results/{CONFIG.run}/{network.folder}/{file}"


def measurement_file(measurement):
    """The table of a measurement."""
    return f"results/{CONFIG.run}/measures/{measurement.path}"


def network_of(wildcards):
    """The network that the wildcards of a path name."""
    retraining = {key: wildcards[key] for key in ("retrained_with", "scheme") if key in wildcards.keys()}
    cell = (wildcards.dataset, wildcards.model, wildcards.trained_with, int(wildcards.seed))
    return Network(*cell, **retraining)


def figure_files():
    """PDF and PNG of every experiment."""
    stems = [f"results/{CONFIG.run}/figures/{name}" for name in CONFIG.experiments]
    return [f"{stem}.{suffix}" for stem in stems for suffix in ("pdf", "png")]


def experiment_of(*kinds):
    """Wildcard constraint: the experiments whose figure is drawn from something of these kinds."""
    names = [name for kind in kinds for name in PLAN.experiments(kind)]
    return "|".join(names) or "(none of this kind)"


# Training.


def training_code(networks):
    """Digest of the code that trains these networks, with the families they are of."""
    families = {CONFIG.models[network.model]["family"] for network in networks}
    published = ["equivariance.models.pretrained"] if families & {*FILES} else []
    return code_of(
        "train_networks",
        *(f"equivariance.models.{family}" for family in sorted(families)),
        *published,
    )


def training_settings(networks):
    """All that determines each of these networks."""
    return [PLAN.training_settings(network) for network in networks]


def training_batches():
    """What each job of a small run trains: the stage, train or retrain, and its networks."""
    networks = PLAN.networks()
    for stage in ("train", "retrain"):
        chosen = [network for network in networks if network.retrained == (stage == "retrain")]
        yield from ((stage, batch) for batch in batches(chosen, CONFIG.jobs.batch))


def initial_weights(networks):
    """The files with the weights that networks start from; None where they are random."""
    return [
        (
            network_file(network.initial, "weights.safetensors")
            if network.retrained
            else published_weights(CONFIG.models[network.model]["family"])
        )
        for network in networks
    ]


def initial_files(networks):
    """These files, each once."""
    return sorted({file for file in initial_weights(networks) if file})


def published_weights(family):
    """The file with the published weights of a family, or None."""
    return f"results/data/weights/{family}.pth" if family in FILES else None


# Measuring.


def measurement_of(wildcards):
    """The measurement that the wildcards of a path name."""
    return Measurement(
        Network.of(wildcards.network),
        wildcards.savepoint,
        wildcards.measured_dataset,
        wildcards.part,
        wildcards.measured_with,
        int(wildcards.samples),
        wildcards.family,
    )


def measured_files(measurements):
    """What measurements read of their networks."""
    return list(
        dict.fromkeys(
            network_file(one.network, file)
            for one in measurements
            for file in (
                "model.json",
                "weights.safetensors" if one.savepoint == FINAL else "savepoints",
            )
        )
    )


def measuring_settings(measurements):
    """All that determines each of these measurements."""
    return [
        {
            "folder": network_file(one.network, "").rstrip("/"),
            "savepoint": one.savepoint,
            "dataset": one.dataset,
            "settings": PLAN.measuring_settings(one),
        }
        for one in measurements
    ]


def model_families(measurements):
    """The families that the measured networks are of."""
    return {CONFIG.models[one.network.model]["family"] for one in measurements}


def measuring_code(measurements):
    """Digest of the code that measures these networks, with their families and those of the measures."""
    settings = [PLAN.measuring_settings(one) for one in measurements]
    names = {name for one in settings for name in one.get("measures", [])}
    models = {f"equivariance.models.{family}" for family in model_families(measurements)}
    measures = {f"equivariance.measures.{MODULE_OF[base(name)]}" for name in names}
    evaluation = {"equivariance.training.evaluation" for one in measurements if one.family == ACCURACY}
    return code_of("measure_networks", *sorted(models | measures | evaluation))


def measuring_memory():
    """Megabytes that a measuring job asks for: the state of its measures, half of it again, and torch with its data."""
    return 2000 + round(1500 * (CONFIG.measuring["memory_gb"] or 4))


# Tables and figures.


def network_rows(experiment):
    """The networks of an experiment as rows of its table."""
    return [
        {
            **asdict(network),
            "history": network_file(network, "history.csv"),
            "description": network_file(network, "model.json"),
        }
        for network in PLAN.networks(experiment)
    ]


def accuracy_rows(experiment):
    """The accuracies of an experiment as rows of its table."""
    return [
        {
            **asdict(one.network),
            "savepoint": one.savepoint,
            "measured_on": one.measured_on,
            "tested_with": one.measured_with,
            "transformation_set": CONFIG.set_definition(one.measured_with),
            "file": measurement_file(one),
            "description": network_file(one.network, "model.json"),
        }
        for one in PLAN.measurements(experiment)
    ]


def measurement_rows(experiment):
    """The measurements of an experiment as rows of its table."""
    return [
        {
            **asdict(one.network),
            "savepoint": one.savepoint,
            "measured_on": one.measured_on,
            "measured_with": one.measured_with,
            "samples": one.samples,
            "transformations": set_size(CONFIG.set_definition(one.measured_with)),
            "stratified": one.stratified,
            "values": PLAN.values(experiment, one),
            "file": measurement_file(one),
            "description": network_file(one.network, "model.json"),
        }
        for one in PLAN.measurements(experiment)
    ]


def described_networks(experiment):
    """The descriptions of the networks that an experiment measures."""
    return sorted({network_file(one.network, "model.json") for one in PLAN.measurements(experiment)})


def shown_maps(experiment):
    """The measurements of an experiment that shows feature maps, with their networks and transformations."""
    return [
        {
            **row,
            "folder": network_file(one.network, "").rstrip("/"),
            "measured_dataset": one.dataset,
            "part": one.part,
            "transformation_set": CONFIG.set_definition(one.measured_with),
        }
        for row, one in zip(measurement_rows(experiment), PLAN.measurements(experiment), strict=True)
    ]


def figure_kind(experiment):
    """The kind of an experiment's figure."""
    return CONFIG.experiments[experiment]["figure"]["kind"]


def figure_data(experiment):
    """What the figure of an experiment is drawn from."""
    images = PLAN.kind(experiment) in ("images", "feature_maps")
    where = f"images/{experiment}.npz" if images else f"tables/{experiment}.csv"
    return f"results/{CONFIG.run}/{where}"


def figure_entry(experiment):
    """What figures and the paper need of an experiment's entry: a change of the rest draws nothing again."""
    entry = CONFIG.experiments[experiment]
    needed = {key: entry[key] for key in ("title", "chapter", "question", "source", "figure")}
    return {"name": experiment, **needed, "measures": PLAN.measures(experiment)}


# The paper.


def entries():
    """Every experiment as figures and the paper need it, in the order of the file."""
    return [figure_entry(name) for name in CONFIG.experiments]


def used_datasets():
    """The summaries of the data sets that some experiment uses."""
    names = dict.fromkeys(name for experiment in CONFIG.experiments for name in PLAN.datasets(experiment))
    return [f"results/data/{name}.json" for name in names]


def sizes():
    """What the paper says of the sizes of a run."""
    return {
        "seeds": dict(CONFIG.seeds),
        "training": dict(CONFIG.training),
        "evaluation": dict(CONFIG.evaluation),
        "measuring": dict(CONFIG.measuring),
        "samples": dict(CONFIG.samples),
    }


def versions():
    """The versions that the lock pins, for this Python, of the software that results depend on."""
    lines = Path(workflow.basedir, "requirements.lock").read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    pinned = {
        pin.name: str(pin.specifier).removeprefix("==")
        for pin in pins
        if not pin.marker or pin.marker.evaluate()
    }
    shown = ("numpy", "pandas", "scipy", "snakemake", "torch", "torchvision", "typst")
    return {name: pinned[name] for name in shown}
