# The thesis, end to end: data -> networks -> measures -> tables -> figures -> claims -> paper, and its manifest.
import gc

from snakemake.utils import min_version

min_version("9.27")


# Beside this file, wherever Snakemake is started; results go to the working directory.
configfile: f"{workflow.basedir}/config/config.yaml"
configfile: f"{workflow.basedir}/config/models.yaml"
configfile: f"{workflow.basedir}/config/transformations.yaml"
configfile: f"{workflow.basedir}/config/experiments.yaml"
configfile: f"{workflow.basedir}/config/claims.yaml"


include: "rules/common.smk"


container: CONFIG.container


include: "rules/data.smk"
include: "rules/training.smk"
include: "rules/measures.smk"
include: "rules/experiments.smk"
include: "rules/published.smk"
include: "rules/claims.smk"
include: "rules/paper.smk"
include: "rules/manifest.smk"


localrules:
    all,
    figures,


rule all:
    """Everything: networks, measures, tables, figures, verdicts on claims, the paper, and the manifest of these."""
    default_target: True
    input:
        RESULTS,  # where the manifest is newer, one that was deleted would not be missed otherwise
        rules.write_manifest.output,


rule figures:
    """The figures and tables of every experiment, without the paper."""
    input:
        RUN.figure_files("pdf", "png"),


gc.freeze()  # what was read stays to the end: to look for garbage in it took a tenth of the time of a plan
