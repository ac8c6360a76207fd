# One job for each sweep, or for several of them in small runs: see training.smk.


def measurement_of(wildcards):
    """The measurement that the wildcards of a path name."""
    return Measurement(
        network_of(wildcards),
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
                "weights.safetensors" if one.savepoint == "final" else "savepoints",
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


def measuring_code(measurements):
    """Digest of the code that measures these networks, with the families they are of."""
    families = {CONFIG.models[one.network.model]["family"] for one in measurements}
    return code_of(
        "measure_networks",
        *(f"equivariance.models.{family}" for family in sorted(families)),
    )


if CONFIG.jobs.batch == 1:

    rule measure_network:
        """Measure a network: one sweep over samples and transformations for all measures of a family."""
        input:
            network=lambda wildcards: measured_files([measurement_of(wildcards)]),
            datasets=["results/data/{measured_dataset}.npz"],
        output:
            "results/{run}/measures/{dataset}/{model}/{trained_with}/seed{seed}/{savepoint}/{measured_dataset}_{part}/{measured_with}-{samples}/{family}.parquet",
        log:
            "logs/{run}/measures/{dataset}/{model}/{trained_with}/seed{seed}/{savepoint}/{measured_dataset}_{part}/{measured_with}-{samples}/{family}.log",
        benchmark:
            "logs/{run}/measures/{dataset}/{model}/{trained_with}/seed{seed}/{savepoint}/{measured_dataset}_{part}/{measured_with}-{samples}/{family}.benchmark.tsv"
        conda:
            "../envs/compute.yaml"
        threads: CONFIG.jobs.threads
        resources:
            gpu=CONFIG.jobs.gpus,
            mem_mb=8000,
            runtime=120,
        params:
            measurements=lambda wildcards: measuring_settings(
                [measurement_of(wildcards)]
            ),
            code=lambda wildcards: measuring_code([measurement_of(wildcards)]),
        script:
            "../workflow_scripts/measure_networks.py"

else:
    for number, measurements in enumerate(
        batches(PLAN.measurements(), 2 * CONFIG.jobs.batch)
    ):

        rule:
            """Measure a few networks of one model, one after another, with one start of torch."""
            name:
                f"measure_networks_{number}"
            input:
                network=measured_files(measurements),
                datasets=sorted({dataset_file(one.dataset) for one in measurements}),
            output:
                [measurement_file(one) for one in measurements],
            log:
                f"logs/{CONFIG.run}/measures/batch{number}.log",
            benchmark:
                f"logs/{CONFIG.run}/measures/batch{number}.benchmark.tsv"
            conda:
                "../envs/compute.yaml"
            threads: CONFIG.jobs.threads
            resources:
                gpu=CONFIG.jobs.gpus,
                mem_mb=8000,
                runtime=120,
            params:
                measurements=measuring_settings(measurements),
                code=measuring_code(measurements),
            script:
                "../workflow_scripts/measure_networks.py"
