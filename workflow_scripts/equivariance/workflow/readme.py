"""What README.md says of the reference run: a table of the claims, and figures."""

from pathlib import Path

from equivariance.analysis.claims.conclusions import conclusions
from equivariance.analysis.claims.reading import read_claims
from equivariance.errors import UserError, counted
from equivariance.workflow.reference import read_reference

BEGIN, END = "<!-- reference: `make reference` writes what follows -->", "<!-- /reference -->"
FIGURES = ("measure_correlation_with_transformation", "rotation_train_test", "claims")
HOUR = 3600


def readme_block(folder: Path, shown_as: str = "docs/reference") -> str:
    """The text for README.md: a sentence on the run, a row for each claim, and figures.

    `folder` is that of the reference, and `shown_as` its path in links.
    """
    manifest = read_reference(folder)
    judged = read_claims(folder / "claims.csv")
    entries = manifest["settings"]["claims"]  # whose order is that of their names: C1, C10, C2
    concluded = conclusions(judged, {name: entries[name] for name in judged["claim"].unique()})
    machine = manifest["machine"]
    hours = sum(stage["seconds"] for stage in manifest["stages"].values()) / HOUR
    networks = counted(len(manifest["networks"]), "network")
    lines = [
        f"The run `{manifest['run']}`: {networks}, {hours:.1f} hours of jobs on {machine['cores']} cores"
        f" ({machine['gpu'] or machine['processor']}). [Paper]({shown_as}/thesis.pdf),"
        f" [artículo]({shown_as}/thesis.es.pdf), [tables]({shown_as}/tables).",
        "",
        "| | claim | verdict | statistic |",
        "|---|---|---|---|",
    ]
    for row in concluded.itertuples():
        cells = [str(row.claim), str(row.statement), str(row.verdict), str(row.number)]
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    pictures = [name for name in FIGURES if (folder / "figures" / f"{name}.png").is_file()]
    titles = {name: name.replace("_", " ").capitalize() for name in pictures}
    lines += ["", " ".join(f"![{titles[name]}]({shown_as}/figures/{name}.png)" for name in pictures)]
    return "\n".join(lines)


def block_of(readme: Path) -> str:
    """What stands between the marks of a README. Raises UserError where it lacks them."""
    return _parts(readme)[1].strip("\n")


def write_block(readme: Path, block: str) -> str:
    """The text of a README with another block between its marks. Raises UserError where it lacks them."""
    before, _, after = _parts(readme)
    return f"{before}{BEGIN}\n{block}\n{END}{after}"


def _parts(readme: Path) -> tuple[str, str, str]:
    text = readme.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    block, end, after = rest.partition(END)
    if not (begin and end):
        raise UserError(f"{readme} lacks the lines between which the reference goes: {BEGIN} and {END}")
    return before, block, after
