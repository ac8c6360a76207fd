# Measuring: one sweep over samples and transformations for all measures of a family, or an accuracy.

for job in measuring_jobs(RUN):

    rule:
        """Measure networks, one after another; go on with those that were cut short."""
        name:
            job.name
        input:
            networks=job.networks,
            datasets=job.datasets,
        output:
            job.targets,
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
            mem_mb=memory(RUN.measuring_memory()),
            runtime=minutes(job.minutes),
        params:
            measurements=job.settings,
            checkpoints=f"{RUN.results}/checkpoints",
            store=RUN.store,
            codes=job.codes,
        script:
            "../workflow_scripts/measure_networks.py"
