# From networks and measures to the table, or the images, and the figure of each experiment.


rule collect_images:
    """Lay out images under members of the sets of transformations."""
    input:
        lambda wildcards: [RUN.dataset_file(name) for name in PLAN.datasets(wildcards.experiment)],
    output:
        f"{RUN.results}/images/{{experiment}}.npz",
    log:
        f"{RUN.logs}/images/{{experiment}}.log",
    benchmark:
        f"{RUN.logs}/images/{{experiment}}.benchmark.tsv"
    wildcard_constraints:
        experiment=any_of(PLAN.experiments("images")),
    conda:
        "../envs/compute.yaml"
    resources:
        mem_mb=memory(4000),
        runtime=minutes(10),
    params:
        settings=lambda wildcards: image_settings(RUN, wildcards.experiment),
        code=RUN.code("collect_images"),
    script:
        "../workflow_scripts/collect_images.py"


rule collect_feature_maps:
    """Lay out the feature maps with the smallest and the largest values of a measure."""
    input:
        measurements=lambda wildcards: RUN.measurement_files(PLAN.measurements(wildcards.experiment)),
        networks=lambda wildcards: RUN.measured_networks(PLAN.measurements(wildcards.experiment)),
        datasets=lambda wildcards: RUN.dataset_files(PLAN.measurements(wildcards.experiment)),
    output:
        f"{RUN.results}/images/{{experiment}}.npz",
    log:
        f"{RUN.logs}/images/{{experiment}}.log",
    benchmark:
        f"{RUN.logs}/images/{{experiment}}.benchmark.tsv"
    wildcard_constraints:
        experiment=any_of(PLAN.experiments("feature_maps")),
    conda:
        "../envs/compute.yaml"
    resources:
        mem_mb=memory(4000),
        runtime=minutes(20),
    params:
        settings=lambda wildcards: feature_map_settings(RUN, wildcards.experiment),
        code=lambda wildcards: feature_map_code(RUN, wildcards.experiment),
    script:
        "../workflow_scripts/collect_feature_maps.py"


for job in table_jobs(RUN):

    rule:
        """Gather the values of an experiment's networks into its table."""
        name:
            job.name
        input:
            job.all(lambda name: table_inputs(RUN, name)),
        output:
            job.files("csv"),
        log:
            job.log,
        benchmark:
            job.benchmark
        conda:
            "../envs/analysis.yaml"
        resources:
            mem_mb=memory(4000),
            runtime=minutes(20),
        params:
            tables=job.each(lambda name: table_settings(RUN, name)),
            code=RUN.code("make_tables"),
        script:
            "../workflow_scripts/make_tables.py"


for job in figure_jobs(RUN):

    rule:
        """Draw experiments, as PDF for print and as PNG for the report."""
        name:
            job.name
        input:
            data=job.each(RUN.figure_data),
            translations=RUN.translations(),
        output:
            pdf=job.files("pdf"),
            png=[
                report(
                    file,
                    caption=caption,
                    category=chapter,
                    labels=labels,
                )
                for file, caption, chapter, labels in zip(
                    job.files("png"),
                    job.captions(),
                    job.of_entries(lambda entry: report_category(RUN, entry["chapter"])),
                    job.of_entries(lambda entry: report_labels(RUN, entry["title"])),
                )
            ],
            caption=job.files("rst"),
        log:
            job.log,
        benchmark:
            job.benchmark
        conda:
            "../envs/analysis.yaml"
        resources:
            mem_mb=memory(2000),
            runtime=minutes(10),
        params:
            experiments=job.each(lambda name: figure_entry(RUN, name)),
            labels=CONFIG.titles(),
            stand_ins=STAND_INS,
            language=CONFIG.language,
            code=job.code,
        script:
            "../workflow_scripts/plot_figures.py"
