# The thesis, end to end: data -> networks -> measures -> tables -> figures -> claims -> paper.
from snakemake.utils import min_version

min_version("9.27")


# Beside this file, wherever Snakemake is started; results go to the working directory.
configfile: f"{workflow.basedir}/config/config.yaml"
configfile: f"{workflow.basedir}/config/models.yaml"
configfile: f"{workflow.basedir}/config/transformations.yaml"
configfile: f"{workflow.basedir}/config/experiments.yaml"
configfile: f"{workflow.basedir}/config/claims.yaml"


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/training.smk"
include: "rules/measures.smk"
include: "rules/experiments.smk"
include: "rules/published.smk"
include: "rules/claims.smk"
include: "rules/paper.smk"


localrules:
    all,
    figures,


rule all:
    """Everything: figures and tables of the run, verdicts on claims, published numbers beside its own, the paper."""
    default_target: True
    input:
        RUN.figure_files("pdf", "png"),
        RUN.written("figures/published.pdf"),
        rules.plot_claims.output,
        RUN.written("thesis.pdf"),


rule figures:
    """The figures and tables of every experiment, without the paper."""
    input:
        RUN.figure_files("pdf", "png"),
