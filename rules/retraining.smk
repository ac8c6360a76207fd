# Networks that start from another one and train some of its layers, with the others frozen. All but the names of the
# files is as in training.smk, which makes the batches of both.

if CONFIG.jobs.batch == 1:

    use rule train_network as retrain_network with:
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
