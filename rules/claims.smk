# From the tables of experiments to verdicts on the claims of the thesis.


rule judge_claims:
    """Judge the claims by the tables of the experiments that they read."""
    input:
        claim_tables(RUN).values(),
    output:
        f"{RUN.results}/claims.csv",
    log:
        f"{RUN.logs}/claims.log",
    benchmark:
        f"{RUN.logs}/claims.benchmark.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        experiments=list(claim_tables(RUN)),
        claims=claim_entries(RUN),
        names=claim_names(RUN),
        judging=dict(CONFIG.judging),
        code=claim_code(RUN),
    script:
        "../workflow_scripts/judge_claims.py"


rule plot_claims:
    """Draw the verdicts on the claims, as PDF for print and as PNG for the report."""
    input:
        rules.judge_claims.output,
    output:
        pdf=f"{RUN.results}/figures/claims.pdf",
        png=report(
            f"{RUN.results}/figures/claims.png",
            caption="../paper/captions/figure.rst",
            category="Conclusions",
            labels={"experiment": "Claims"},
        ),
        caption=f"{RUN.results}/figures/claims.rst",
    log:
        f"{RUN.logs}/figures/claims.log",
    benchmark:
        f"{RUN.logs}/figures/claims.benchmark.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        claims={name: dict(claim) for name, claim in CONFIG.claims.items()},
        confidence=CONFIG.judging["confidence"],
        code=RUN.code("plot_claims"),
    script:
        "../workflow_scripts/plot_claims.py"
