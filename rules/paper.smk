# The paper of a run, from its tables and figures.


rule build_paper:
    """Build the paper: text and figures of every experiment, numbers read from its table."""
    input:
        data=[RUN.figure_data(name) for name in CONFIG.experiments],
        figures=RUN.figure_files("pdf"),
        claims=rules.judge_claims.output,
        published=f"{RUN.results}/tables/published.csv",
        published_figure=RUN.written("figures/published.pdf"),
        datasets=dataset_descriptions(RUN),
        template=RUN.source("paper/thesis.typ"),
        prose=RUN.source(f"paper/{CONFIG.language}.typ"),
        bibliography=RUN.source("paper/references.bib"),
        translations=RUN.translations(),
    output:
        RUN.written("thesis.pdf"),
    log:
        f"{RUN.logs}/{RUN.readable('paper')}.log",
    benchmark:
        f"{RUN.logs}/{RUN.readable('paper')}.benchmark.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        experiments=[figure_entry(RUN, name) for name in CONFIG.experiments],
        run=CONFIG.run,
        labels=CONFIG.titles(),
        stand_ins=STAND_INS,
        sizes=sizes(RUN),
        claims={name: dict(claim) for name, claim in CONFIG.claims.items()},
        left_out=dict(CONFIG.left_out),
        versions=versions(ROOT / "requirements.lock"),
        code=RUN.code("build_paper", *RUN.figure_modules(CONFIG.experiments)),
    script:
        "../workflow_scripts/build_paper.py"
