# The thesis, end to end: data -> networks -> measures -> tables -> figures -> paper.
from snakemake.utils import min_version

min_version("9.27")


configfile: "config/config.yaml"
configfile: "config/models.yaml"
configfile: "config/transformations.yaml"
configfile: "config/experiments.yaml"


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/training.smk"
include: "rules/measures.smk"
include: "rules/experiments.smk"
include: "rules/published.smk"
include: "rules/paper.smk"


localrules:
    all,
    figures,


rule all:
    """Everything: the figures, the tables and the paper of the run, with published numbers beside its own."""
    default_target: True
    input:
        RUN.figure_files("pdf", "png"),
        f"{RUN.results}/figures/published.pdf",
        f"{RUN.results}/thesis.pdf",


rule figures:
    """The figures and tables of every experiment, without the paper."""
    input:
        RUN.figure_files("pdf", "png"),
