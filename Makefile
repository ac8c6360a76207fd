# What a person types. `make quick` and `make test` install what they need into .venv, from requirements.lock.
.DEFAULT_GOAL := help
.PHONY: help install quick plan archive verify reference compare test lint docs bench bench-gpu translations lock prune clean

PYTHON ?= python3
CORES ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
RUN ?= thesis
BIN := .venv/bin
WITH_BIN := PATH="$(CURDIR)/$(BIN):$$PATH"

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version) if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet "$$(grep '^uv==' requirements.lock)"
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

install: .venv/installed ## make the virtual environment in .venv

quick: .venv/installed ## the whole thesis, small, on bundled data: minutes
	$(WITH_BIN) snakemake --cores $(CORES) --configfile config/quick.yaml --quiet rules host
	@echo
	@echo "figures:  results/quick/figures/"
	@echo "tables:   results/quick/tables/"
	@echo "paper:    results/quick/thesis.pdf"

plan: .venv/installed ## jobs and estimated hours of RUN=thesis, laptop or quick, on CORES; BY=experiment, ONLY="NAME NAME"
	@$(WITH_BIN) python -m equivariance plan --cores $(CORES) $(if $(filter-out thesis,$(RUN)),--config config/$(RUN).yaml) \
		$(if $(BY),--by $(BY)) $(if $(ONLY),--only $(ONLY))

archive: .venv/installed ## a finished RUN as one file, results/RUN.zip, for a repository of data; WEIGHTS=1 adds weights
	@$(WITH_BIN) python -m equivariance archive --run $(RUN) $(if $(WEIGHTS),--weights)

verify: .venv/installed ## compare a finished RUN, or an ARCHIVE=FILE or its folder, with its checksums
	@$(WITH_BIN) python -m equivariance verify "$(or $(ARCHIVE),results/$(RUN))"

reference: .venv/installed ## keep a finished RUN in docs/reference, and its conclusions in README.md
	@$(WITH_BIN) python -m equivariance reference --run $(RUN)

compare: .venv/installed ## compare a finished RUN with the reference: accuracies, profiles, verdicts
	@$(WITH_BIN) python -m equivariance compare --run $(RUN)

test: .venv/installed lint ## every test and check
	OMP_NUM_THREADS=1 $(WITH_BIN) python -m pytest -n 2 --dist loadgroup

lint: .venv/installed ## style, types, and the workflow's own linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache --no-logo
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/hadolint Dockerfile
	$(WITH_BIN) snakemake --lint

docs: .venv/installed ## the documentation, as a site in site/
	NO_MKDOCS_2_WARNING=1 $(WITH_BIN) mkdocs build --quiet --strict

bench: .venv/installed ## speed, as ratios measured in one run
	$(BIN)/python -m benchmarks.sweep --csv benchmarks/sweep.csv
	$(BIN)/python -m benchmarks.training --csv benchmarks/training.csv
	$(BIN)/python -m benchmarks.networks --csv benchmarks/networks.csv

bench-gpu: .venv/installed ## speed of a GPU in 8 minutes, and the hours of the thesis on it
	$(BIN)/python -m benchmarks.gpu --csv benchmarks/gpu.csv

translations: .venv/installed ## gather the texts that readers see into the files to translate
	$(BIN)/pybabel --quiet extract -F babel.cfg --no-location --sort-output --omit-header -o .venv/texts.pot .
	@for file in workflow_scripts/equivariance/translations/*.po; do \
		$(BIN)/pybabel --quiet update --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date \
			--input-file .venv/texts.pot --locale $$(basename $$file .po) --output-file $$file || exit; \
	done

lock: .venv/installed ## resolve requirements.lock anew, keeping what it pins where possible
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --no-header --no-annotate pyproject.toml --output-file requirements.lock

prune: ## remove finished work that no run has any more, and what killed jobs left unfinished
	find results -depth -name '.*.????????????????????????????????*' -mmin +60 -exec rm -r {} +
	find results/store -type f -links 1 ! -name sha256.json -delete
	find results/store -mindepth 1 -maxdepth 1 -type d ! -exec sh -c 'ls -A "$$1" | grep -qvx sha256.json' _ {} \; -exec rm -r {} +

clean: ## remove results, logs and caches; not the environment
	rm -rf results/quick results/data results/store logs site .snakemake .pytest_cache .mypy_cache .ruff_cache
