# Prepared data are shared by all runs: one file for each data set. Fetching stays on the login node, for its network.


localrules:
    prepare_dataset,
    fetch_weights,


rule prepare_dataset:
    """Fetch a data set (mirror first), split it, and write it as one file."""
    output:
        images=RUN.dataset_file("{dataset}"),
        description="results/data/{dataset}.json",
    log:
        "logs/data/{dataset}.log",
    benchmark:
        "logs/data/{dataset}.benchmark.tsv"
    conda:
        "../envs/compute.yaml"
    resources:
        mem_mb=memory(4000),
        runtime=minutes(60),
    params:
        source=lambda wildcards: CONFIG.dataset_source(wildcards.dataset),
        code=lambda wildcards: RUN.code(
            "prepare_dataset",
            f"equivariance.datasets.{CONFIG.datasets[wildcards.dataset]['source']}",
        ),
    script:
        "../workflow_scripts/prepare_dataset.py"


rule fetch_weights:
    """Fetch the published weights of a family of networks (mirror first)."""
    output:
        weights="results/data/weights/{family}.pth",
    log:
        "logs/data/weights/{family}.log",
    benchmark:
        "logs/data/weights/{family}.benchmark.tsv"
    wildcard_constraints:
        family=r"\w+",
    conda:
        "../envs/compute.yaml"
    resources:
        mem_mb=memory(2000),
        runtime=minutes(60),
    params:
        code=RUN.code("fetch_weights"),
    script:
        "../workflow_scripts/fetch_weights.py"
