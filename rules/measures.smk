# One job for each sweep, or for several of them in small runs: see training.smk.


if CONFIG.jobs.batch == 1:

    rule measure_network:
        """Measure a network: one sweep over samples and transformations for all measures of a family, or its accuracy."""
        input:
            network=lambda wildcards: measured_files([measurement_of(wildcards)]),
            datasets=["results/data/{measured_dataset}.npz"],
        output:
            "results/{run}/measures/{network}/{savepoint}/{measured_dataset}_{part}/{measured_with}-{samples}/{family}.parquet",
        log:
            "logs/{run}/measures/{network}/{savepoint}/{measured_dataset}_{part}/{measured_with}-{samples}/{family}.log",
        benchmark:
            "logs/{run}/measures/{network}/{savepoint}/{measured_dataset}_{part}/{measured_with}-{samples}/{family}.benchmark.tsv"
        conda:
            "../envs/compute.yaml"
        threads: CONFIG.jobs.threads
        resources:
            gpu=CONFIG.jobs.gpus,
            mem_mb=measuring_memory(),
            runtime=120,
        params:
            measurements=lambda wildcards: measuring_settings([measurement_of(wildcards)]),
            code=lambda wildcards: measuring_code([measurement_of(wildcards)]),
            checkpoints="results/{run}/checkpoints",
        script:
            "../workflow_scripts/measure_networks.py"

else:
    for number, measurements in enumerate(batches(PLAN.measurements(), 2 * CONFIG.jobs.batch)):

        rule:
            """Measure a few networks, one after another, with one start of torch."""
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
                mem_mb=measuring_memory(),
                runtime=120,
            params:
                measurements=measuring_settings(measurements),
                code=measuring_code(measurements),
                checkpoints=f"results/{CONFIG.run}/checkpoints",
            script:
                "../workflow_scripts/measure_networks.py"
