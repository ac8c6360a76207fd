"""The columns of the table of claims, and one that tests see."""

EXPERIMENT = "experiment"
"""A column that tests see beside those of the tables: the experiment that a row is from."""

NUMBERS = ("statistic", "low", "high", "threshold", "p", "significance", "p_holm")
"""Columns of numbers, which may be empty: of what is not run, or of what nothing is claimed."""

COLUMNS = (
    *("claim", "cell", "dataset", "stand_in", "test", "criterion", "statistic", "low", "high"),
    *("direction", "threshold", "p", "significance", "p_holm", "seeds", "verdict", "reason"),
)
"""All columns; `stand_in` says what data stand in for which, and is empty for real data."""
