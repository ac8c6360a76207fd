# The paper of a run, from its tables and figures.
from packaging.requirements import Requirement


def entries():
    """Every experiment as figures and the paper need it, in the order of the file."""
    return [figure_entry(name) for name in CONFIG.experiments]


def used_datasets():
    """The summaries of the data sets that some experiment uses."""
    names = dict.fromkeys(
        name for experiment in CONFIG.experiments for name in PLAN.datasets(experiment)
    )
    return [f"results/data/{name}.json" for name in names]


def sizes():
    """What the paper says of the sizes of a run."""
    return {
        "seeds": dict(CONFIG.seeds),
        "training": dict(CONFIG.training),
        "evaluation": dict(CONFIG.evaluation),
        "measuring": dict(CONFIG.measuring),
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
    return {
        name: pinned[name]
        for name in (
            "numpy",
            "pandas",
            "scipy",
            "snakemake",
            "torch",
            "torchvision",
            "typst",
        )
    }


rule build_paper:
    """Build the paper: text and figures of every experiment, numbers read from its table."""
    input:
        data=[figure_data(name) for name in CONFIG.experiments],
        figures=[
            f"results/{CONFIG.run}/figures/{name}.pdf" for name in CONFIG.experiments
        ],
        datasets=used_datasets(),
        template="paper/thesis.typ",
        bibliography="paper/references.bib",
    output:
        "results/{run}/thesis.pdf",
    log:
        "logs/{run}/paper.log",
    benchmark:
        "logs/{run}/paper.benchmark.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        experiments=entries(),
        run=CONFIG.run,
        labels=CONFIG.titles(),
        stand_ins=STAND_INS,
        sizes=sizes(),
        versions=versions(),
        code=code_of("build_paper"),
    script:
        "../workflow_scripts/build_paper.py"
