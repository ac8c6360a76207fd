# One job for each network; in small runs one job for several, since importing torch takes longer than training one of
# them. Both run the same script on a list of networks.


if CONFIG.jobs.batch == 1:

    rule train_network:
        """Train a network, or go on with one that was cut short."""
        input:
            datasets=["results/data/{dataset}.npz"],
            initial=lambda wildcards: initial_files([network_of(wildcards)]),
        output:
            weights="results/{run}/models/{dataset}/{model}/{trained_with}/seed{seed}/weights.safetensors",
            history="results/{run}/models/{dataset}/{model}/{trained_with}/seed{seed}/history.csv",
            savepoints=directory(
                "results/{run}/models/{dataset}/{model}/{trained_with}/seed{seed}/savepoints"
            ),
            description=["results/{run}/models/{dataset}/{model}/{trained_with}/seed{seed}/model.json"],
        log:
            "logs/{run}/training/{dataset}/{model}/{trained_with}/seed{seed}.log",
        benchmark:
            "logs/{run}/training/{dataset}/{model}/{trained_with}/seed{seed}.benchmark.tsv"
        conda:
            "../envs/compute.yaml"
        threads: CONFIG.jobs.threads
        resources:
            gpu=CONFIG.jobs.gpus,
            mem_mb=8000,
            runtime=240,
        params:
            settings=lambda wildcards: training_settings([network_of(wildcards)]),
            initial=lambda wildcards: initial_weights([network_of(wildcards)]),
            code=lambda wildcards: training_code([network_of(wildcards)]),
            checkpoints="results/{run}/checkpoints",
        script:
            "../workflow_scripts/train_networks.py"

else:
    for number, (stage, networks) in enumerate(training_batches()):

        rule:
            """Train or retrain a few networks, one after another, with one start of torch."""
            name:
                f"{stage}_networks_{number}"
            input:
                datasets=sorted({dataset_file(network.dataset) for network in networks}),
                initial=initial_files(networks),
            output:
                weights=[network_file(network, "weights.safetensors") for network in networks],
                history=[network_file(network, "history.csv") for network in networks],
                savepoints=[directory(network_file(network, "savepoints")) for network in networks],
                description=[network_file(network, "model.json") for network in networks],
            log:
                f"logs/{CONFIG.run}/{stage}ing/batch{number}.log",
            benchmark:
                f"logs/{CONFIG.run}/{stage}ing/batch{number}.benchmark.tsv"
            conda:
                "../envs/compute.yaml"
            threads: CONFIG.jobs.threads
            resources:
                gpu=CONFIG.jobs.gpus,
                mem_mb=8000,
                runtime=240,
            params:
                settings=training_settings(networks),
                initial=initial_weights(networks),
                code=training_code(networks),
                checkpoints=f"results/{CONFIG.run}/checkpoints",
            script:
                "../workflow_scripts/train_networks.py"
