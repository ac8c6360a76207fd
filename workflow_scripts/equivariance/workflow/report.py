"""The chapters of Snakemake's report, in the order of the paper."""

from equivariance.figures.published import TITLE as PUBLISHED
from equivariance.language import N_, _, language
from equivariance.workflow.run import Run

CONCLUSIONS = N_("Conclusions")
"""The first chapter: the claims of the thesis with their verdicts."""

CONCLUSIONS_TABLE, CONCLUSIONS_TESTS = N_("Table of conclusions"), N_("Tests of the conclusions")
"""The table of them, and the figure of every test."""


def report_category(run: Run, chapter: str) -> str:
    """A chapter with its number, such as "03 Trained networks"; the last is that of published numbers.

    The report sorts its categories as texts, hence two digits. Chapters of experiments are numbered in the
    order in which the experiments of the run name them.
    """
    named = [str(entry["chapter"]) for entry in run.config.experiments.values()]
    chapters = list(dict.fromkeys([CONCLUSIONS, *named, PUBLISHED]))
    with language(run.config.language):
        return f"{chapters.index(chapter) + 1:02} {_(chapter)}"


def report_labels(run: Run, title: str) -> dict[str, str]:
    """What the report calls a figure."""
    with language(run.config.language):
        return {_("experiment"): _(title)}
