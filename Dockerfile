# The packages of the workflow, as pinned in requirements.lock; the workflow itself is mounted at /workflow.
# docs/workflow.md says how to build and run it. container.def has the same steps for Apptainer.
FROM debian:bookworm-slim

# Debian removes a version when it mends it, so that none is pinned.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*

COPY pyproject.toml requirements.lock /build/

RUN python3 -m venv /build/uv \
    && /build/uv/bin/pip install --quiet --no-cache-dir "$(grep '^uv==' /build/requirements.lock)" \
    && python3 -m venv --without-pip /venv \
    && /build/uv/bin/uv pip install --quiet --no-cache --compile-bytecode --python /venv/bin/python \
        --constraints /build/requirements.lock --requirements /build/pyproject.toml --extra workflow \
    && rm -r /build

ENV PATH=/venv/bin:$PATH PYTHONPATH=/workflow/workflow_scripts LANG=C.UTF-8 HOME=/tmp USER=user

WORKDIR /workflow
USER 1000:1000
CMD ["snakemake", "--help"]
