# Training, and retraining, which starts from another network and trains some of its layers with the others frozen.

for job in training_jobs(RUN):

    rule:
        """Train networks, one after another; go on with those that were cut short."""
        name:
            job.name
        input:
            datasets=job.datasets,
            initial=job.initial_files,
        output:
            job.files("model.json"),
        log:
            job.log,
        benchmark:
            job.benchmark
        conda:
            "../envs/compute.yaml"
        threads: CONFIG.jobs.threads
        resources:
            gpu=CONFIG.jobs.gpus,
            gpu_share=job.gpu_share,
            mem_mb=memory(8000),
            runtime=minutes(job.minutes),
        params:
            settings=job.settings,
            initial=job.initial_weights,
            checkpoints=f"{RUN.results}/checkpoints",
            store=RUN.store,
            codes=job.codes,
        script:
            "../workflow_scripts/train_networks.py"
