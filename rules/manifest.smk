# The last of a run: the checksums of all that it made, which `make verify` checks.


rule write_manifest:
    """Write the checksums of the results, with the settings of the run and what it was made with."""
    input:
        # They need all networks and measurements; to ask for these once more would take seconds of each plan.
        end_products(RUN),
        datasets=dataset_descriptions(RUN),
    output:
        RUN.written("manifest.json"),
    log:
        f"{RUN.logs}/{RUN.readable('manifest')}.log",
    benchmark:
        f"{RUN.logs}/{RUN.readable('manifest')}.benchmark.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=memory(1000),
        runtime=minutes(60),
    params:
        results=RESULTS,
        settings=config,
        software=SHOWN,
        code=RUN.code("write_manifest"),
    script:
        "../workflow_scripts/write_manifest.py"
