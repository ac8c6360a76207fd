# Published numbers beside those of the run.


rule compare_published:
    """Put the numbers of the run beside the published ones."""
    input:
        published=RUN.source("config/published.csv"),
        tables=compared_tables(RUN, ROOT / "config" / "published.csv"),
    output:
        f"{RUN.results}/tables/published.csv",
    log:
        f"{RUN.logs}/tables/published.log",
    benchmark:
        f"{RUN.logs}/tables/published.benchmark.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    params:
        labels=CONFIG.titles(),
        stand_ins=STAND_INS,
        code=RUN.code("compare_published"),
    script:
        "../workflow_scripts/compare_published.py"


rule plot_published:
    """Draw published numbers beside those of the run."""
    input:
        data=f"{RUN.results}/tables/published.csv",
        translations=RUN.translations(),
    output:
        pdf=RUN.written("figures/published.pdf"),
        png=report(
            RUN.written("figures/published.png"),
            caption=CAPTION,
            category=report_category(RUN, PUBLISHED),
            labels=report_labels(RUN, PUBLISHED),
        ),
        caption=RUN.written("figures/published.rst"),
    log:
        f"{RUN.logs}/{RUN.readable('figures')}/published.log",
    benchmark:
        f"{RUN.logs}/{RUN.readable('figures')}/published.benchmark.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        labels=CONFIG.titles(),
        reduced=is_reduced(RUN),
        language=CONFIG.language,
        code=RUN.code("plot_published"),
    script:
        "../workflow_scripts/plot_published.py"
