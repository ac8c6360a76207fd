# The paper of a run, from its tables and figures.


rule build_paper:
    """Build the paper: text and figures of every experiment, numbers read from its table."""
    input:
        data=[figure_data(name) for name in CONFIG.experiments],
        figures=[f"results/{CONFIG.run}/figures/{name}.pdf" for name in CONFIG.experiments],
        datasets=used_datasets(),
        template="paper/thesis.typ",
        bibliography="paper/references.bib",
    output:
        "results/{run}/thesis.pdf",
    log:
        "logs/{run}/paper.log",
    benchmark:
        "logs/{run}/paper.benchmark.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        experiments=entries(),
        run=CONFIG.run,
        labels=CONFIG.titles(),
        stand_ins=STAND_INS,
        sizes=sizes(),
        left_out=dict(CONFIG.left_out),
        versions=versions(),
        code=code_of("build_paper"),
    script:
        "../workflow_scripts/build_paper.py"
