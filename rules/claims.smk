# From the tables of experiments to verdicts on the claims of the thesis.


rule judge_claims:
    """Judge the claims by the tables of the experiments that they read."""
    input:
        tables=claim_tables(RUN).values(),
        translations=RUN.translations(),
    output:
        RUN.written("claims.csv"),
    log:
        f"{RUN.logs}/{RUN.readable('claims')}.log",
    benchmark:
        f"{RUN.logs}/{RUN.readable('claims')}.benchmark.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=memory(2000),
        runtime=minutes(20),
    params:
        experiments=list(claim_tables(RUN)),
        claims=claim_entries(RUN),
        names=claim_names(RUN),
        judging=dict(CONFIG.judging),
        language=CONFIG.language,
        code=claim_code(RUN),
    script:
        "../workflow_scripts/judge_claims.py"


rule plot_claims:
    """Draw the verdicts on the claims, as PDF for print and as PNG for the report, which has their table too."""
    input:
        claims=rules.judge_claims.output,
        translations=RUN.translations(),
    output:
        pdf=RUN.written("figures/claims.pdf"),
        png=report(
            RUN.written("figures/claims.png"),
            caption=CAPTION,
            category=report_category(RUN, CONCLUSIONS),
            labels=report_labels(RUN, CONCLUSIONS),
        ),
        caption=RUN.written("figures/claims.rst"),
        tests_pdf=RUN.written("figures/claims_tests.pdf"),
        tests_png=report(
            RUN.written("figures/claims_tests.png"),
            category=report_category(RUN, CONCLUSIONS),
            labels=report_labels(RUN, CONCLUSIONS_TESTS),
        ),
        page=report(
            RUN.written("claims.html"),
            category=report_category(RUN, CONCLUSIONS),
            labels=report_labels(RUN, CONCLUSIONS_TABLE),
        ),
    log:
        f"{RUN.logs}/{RUN.readable('figures')}/claims.log",
    benchmark:
        f"{RUN.logs}/{RUN.readable('figures')}/claims.benchmark.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        claims={name: dict(claim) for name, claim in CONFIG.claims.items()},
        confidence=CONFIG.judging["confidence"],
        language=CONFIG.language,
        code=RUN.code("plot_claims"),
    script:
        "../workflow_scripts/plot_claims.py"
