# From networks and measures to the table and the figure of each experiment.


rule collect_images:
    """Lay out images under members of the sets of transformations."""
    input:
        lambda wildcards: [dataset_file(name) for name in PLAN.datasets(wildcards.experiment)],
    output:
        "results/{run}/images/{experiment}.npz",
    log:
        "logs/{run}/images/{experiment}.log",
    benchmark:
        "logs/{run}/images/{experiment}.benchmark.tsv"
    wildcard_constraints:
        experiment=experiment_of("images"),
    conda:
        "../envs/compute.yaml"
    resources:
        mem_mb=4000,
        runtime=10,
    params:
        sets=lambda wildcards: {
            name: CONFIG.set_definition(name)
            for name in CONFIG.set_names(CONFIG.experiments[wildcards.experiment]["images"]["sets"])
        },
        layout=lambda wildcards: CONFIG.experiments[wildcards.experiment]["images"]["layout"],
        samples=lambda wildcards: CONFIG.experiments[wildcards.experiment]["images"]["samples"],
        members=lambda wildcards: CONFIG.experiments[wildcards.experiment]["images"]["members"],
        padding=CONFIG.measuring["padding"],
        code=code_of("collect_images"),
    script:
        "../workflow_scripts/collect_images.py"


rule tabulate_accuracies:
    """Gather the accuracies of an experiment's networks, as a whole or by class and transformation."""
    input:
        accuracies=lambda wildcards: [row["file"] for row in accuracy_rows(wildcards.experiment)],
        networks=lambda wildcards: described_networks(wildcards.experiment),
    output:
        "results/{run}/tables/{experiment}.csv",
    log:
        "logs/{run}/tables/{experiment}.log",
    benchmark:
        "logs/{run}/tables/{experiment}.benchmark.tsv"
    wildcard_constraints:
        experiment=experiment_of("accuracies", "class_accuracies"),
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        rows=lambda wildcards: accuracy_rows(wildcards.experiment),
        cells=lambda wildcards: PLAN.kind(wildcards.experiment) == "class_accuracies",
        code=code_of("tabulate_accuracies"),
    script:
        "../workflow_scripts/tabulate_accuracies.py"


rule tabulate_histories:
    """Gather the trainings of an experiment's networks, epoch by epoch."""
    input:
        histories=lambda wildcards: [row["history"] for row in network_rows(wildcards.experiment)],
        networks=lambda wildcards: [row["description"] for row in network_rows(wildcards.experiment)],
    output:
        "results/{run}/tables/{experiment}.csv",
    log:
        "logs/{run}/tables/{experiment}.log",
    benchmark:
        "logs/{run}/tables/{experiment}.benchmark.tsv"
    wildcard_constraints:
        experiment=experiment_of("histories"),
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        rows=lambda wildcards: network_rows(wildcards.experiment),
        code=code_of("tabulate_histories"),
    script:
        "../workflow_scripts/tabulate_histories.py"


rule tabulate_networks:
    """Gather the values of whole networks that an experiment measured."""
    input:
        measures=lambda wildcards: [row["file"] for row in measurement_rows(wildcards.experiment)],
        networks=lambda wildcards: described_networks(wildcards.experiment),
    output:
        "results/{run}/tables/{experiment}.csv",
    log:
        "logs/{run}/tables/{experiment}.log",
    benchmark:
        "logs/{run}/tables/{experiment}.benchmark.tsv"
    wildcard_constraints:
        experiment=experiment_of("networks"),
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=4000,
        runtime=20,
    params:
        measurements=lambda wildcards: measurement_rows(wildcards.experiment),
        code=code_of("tabulate_networks"),
    script:
        "../workflow_scripts/tabulate_networks.py"


rule tabulate_profiles:
    """Gather the layer profiles that an experiment measured."""
    input:
        measures=lambda wildcards: [row["file"] for row in measurement_rows(wildcards.experiment)],
        networks=lambda wildcards: described_networks(wildcards.experiment),
    output:
        "results/{run}/tables/{experiment}.csv",
    log:
        "logs/{run}/tables/{experiment}.log",
    benchmark:
        "logs/{run}/tables/{experiment}.benchmark.tsv"
    wildcard_constraints:
        experiment=experiment_of("profiles"),
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=4000,
        runtime=20,
    params:
        measurements=lambda wildcards: measurement_rows(wildcards.experiment),
        classes=lambda wildcards: figure_kind(wildcards.experiment) == "class_heat_map",
        floors=lambda wildcards: figure_kind(wildcards.experiment) == "layer_profile",
        code=code_of("tabulate_profiles"),
    script:
        "../workflow_scripts/tabulate_profiles.py"


rule tabulate_units:
    """Gather single units that an experiment measured."""
    input:
        measures=lambda wildcards: [row["file"] for row in measurement_rows(wildcards.experiment)],
        networks=lambda wildcards: described_networks(wildcards.experiment),
    output:
        "results/{run}/tables/{experiment}.csv",
    log:
        "logs/{run}/tables/{experiment}.log",
    benchmark:
        "logs/{run}/tables/{experiment}.benchmark.tsv"
    wildcard_constraints:
        experiment=experiment_of("units"),
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=4000,
        runtime=20,
    params:
        measurements=lambda wildcards: measurement_rows(wildcards.experiment),
        code=code_of("tabulate_units"),
    script:
        "../workflow_scripts/tabulate_units.py"


rule collect_feature_maps:
    """Lay out the feature maps with the smallest and the largest values of a measure."""
    input:
        measures=lambda wildcards: [row["file"] for row in measurement_rows(wildcards.experiment)],
        networks=lambda wildcards: described_networks(wildcards.experiment),
        weights=lambda wildcards: measured_files(PLAN.measurements(wildcards.experiment)),
        datasets=lambda wildcards: sorted(
            {dataset_file(one.dataset) for one in PLAN.measurements(wildcards.experiment)}
        ),
    output:
        "results/{run}/images/{experiment}.npz",
    log:
        "logs/{run}/images/{experiment}.log",
    benchmark:
        "logs/{run}/images/{experiment}.benchmark.tsv"
    wildcard_constraints:
        experiment=experiment_of("feature_maps"),
    conda:
        "../envs/compute.yaml"
    resources:
        mem_mb=4000,
        runtime=20,
    params:
        measurements=lambda wildcards: shown_maps(wildcards.experiment),
        shown=lambda wildcards: CONFIG.experiments[wildcards.experiment]["feature_maps"],
        padding=CONFIG.measuring["padding"],
        code=lambda wildcards: code_of(
            "collect_feature_maps",
            *(
                f"equivariance.models.{family}"
                for family in sorted(model_families(PLAN.measurements(wildcards.experiment)))
            ),
        ),
    script:
        "../workflow_scripts/collect_feature_maps.py"


rule plot_figure:
    """Draw an experiment, as PDF for print and as PNG for the report."""
    input:
        lambda wildcards: figure_data(wildcards.experiment),
    output:
        pdf="results/{run}/figures/{experiment}.pdf",
        png=report(
            "results/{run}/figures/{experiment}.png",
            caption="../paper/captions/figure.rst",
            category=lambda wildcards: CONFIG.experiments[wildcards.experiment]["chapter"],
            labels=lambda wildcards: {"experiment": CONFIG.experiments[wildcards.experiment]["title"]},
        ),
    log:
        "logs/{run}/figures/{experiment}.log",
    benchmark:
        "logs/{run}/figures/{experiment}.benchmark.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        experiment=lambda wildcards: figure_entry(wildcards.experiment),
        labels=CONFIG.titles(),
        stand_ins=STAND_INS,
        code=lambda wildcards: code_of(
            "plot_figure", f"equivariance.figures.{figure_kind(wildcards.experiment)}"
        ),
    script:
        "../workflow_scripts/plot_figure.py"
