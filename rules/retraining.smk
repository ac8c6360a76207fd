# Networks that start from another one and train some of its layers. As in training.smk, with the same script.


if CONFIG.jobs.batch == 1:

    rule retrain_network:
        """Retrain some layers of a network, with the others frozen."""
        input:
            datasets=["results/data/{dataset}.npz"],
            initial=lambda wildcards: initial_files([network_of(wildcards)]),
        output:
            weights="results/{run}/retrained/{dataset}/{model}/{trained_with}-{retrained_with}/{scheme}/seed{seed}/weights.safetensors",
            history="results/{run}/retrained/{dataset}/{model}/{trained_with}-{retrained_with}/{scheme}/seed{seed}/history.csv",
            savepoints=directory(
                "results/{run}/retrained/{dataset}/{model}/{trained_with}-{retrained_with}/{scheme}/seed{seed}/savepoints"
            ),
            description=[
                "results/{run}/retrained/{dataset}/{model}/{trained_with}-{retrained_with}/{scheme}/seed{seed}/model.json"
            ],
        log:
            "logs/{run}/retraining/{dataset}/{model}/{trained_with}-{retrained_with}/{scheme}/seed{seed}.log",
        benchmark:
            "logs/{run}/retraining/{dataset}/{model}/{trained_with}-{retrained_with}/{scheme}/seed{seed}.benchmark.tsv"
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
    for number, networks in enumerate(batches(retrained_networks(), CONFIG.jobs.batch)):

        rule:
            """Retrain a few networks, one after another, with one start of torch."""
            name:
                f"retrain_networks_{number}"
            input:
                datasets=sorted({dataset_file(network.dataset) for network in networks}),
                initial=initial_files(networks),
            output:
                weights=[network_file(network, "weights.safetensors") for network in networks],
                history=[network_file(network, "history.csv") for network in networks],
                savepoints=[directory(network_file(network, "savepoints")) for network in networks],
                description=[network_file(network, "model.json") for network in networks],
            log:
                f"logs/{CONFIG.run}/retraining/batch{number}.log",
            benchmark:
                f"logs/{CONFIG.run}/retraining/batch{number}.benchmark.tsv"
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
