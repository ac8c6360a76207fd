"""Longer texts of the help, and tables as text."""

from collections.abc import Sequence

DESCRIPTION = """\
Measure how much each layer of a network changes when its input is transformed.

Writes to the folder OUTPUT: measures.csv (or .parquet), a row for each layer, unit and measure;
profile.csv, a row for each layer and measure; left_out.csv, layers that are not measured, with the
reasons; and two figures for each measure, as PDF and PNG: the profile of the layers, and a heat
map of all units. Before it starts, the command shows what it will do, in how much memory and in
about how much time. Repeat the command to resume an interrupted run.
"""

LAYERS = """\
layers: a layer is a call of a module that returns one row for each image. By default all modules
without submodules are measured, and those that compute by themselves, such as attention. If a
module runs several times, each call is a layer: relu, relu:2. A unit is a feature map, whatever the
order of the axes (channels first or last, tokens), or a number of a layer without feature maps.
Left out are modules that return no row for each image, that are never called, or that do not run
for every image. `python -m equivariance layers --model MODEL` lists all layers.

"""

PICTURES = """\
images: each folder in FOLDER is a class, with all images below it, at any depth; hidden files and
folders are ignored. All images are opened before the first is measured, and all damaged ones are
reported. Images are turned by their EXIF tag, as a viewer shows them, and transparent ones are
composed on black. Gray images of 16 bits are scaled to 8 bits; images of 32 bits, floats or
integers, are refused, as their range is unknown. Of several frames or pages, the first is
measured. Color profiles are not applied.

"""

EXAMPLE = """\
example, with a network of torchvision and its pre-trained weights:

  python -m equivariance measure --model torchvision:resnet18:DEFAULT --images photos --size 224 \\
      --transformations rotation --count 16 --measures nv nvse --output resnet18

A network of your own is a function without arguments that returns it, here `build` in the file
nets.py, and a file of its weights, as written by torch.save(model.state_dict(), "weights.pth"):

  python -m equivariance measure --model nets.py:build --weights weights.pth --images photos \\
      --transformations rotation --output own

Or save it as one file with torch.export, which needs no code; dynamic_shapes allows any number of
images (without it, --count must divide the number that it was exported with):

  batch = torch.export.Dim("batch")
  program = torch.export.export(
      model.eval(), (torch.rand(2, 3, 224, 224),), dynamic_shapes=({0: batch},)
  )
  torch.export.save(program, "model.pt2")
"""

LIST = """\
List the layers of a network in the order of execution: kind, layout of the output, its shape for
one image, units, and bytes; and what is left out, with the reason. Nothing is measured.
"""

PLAN = """\
List what a run of the workflow would do: its jobs by rule, its networks and measurements by model
or by experiment with their floating point operations (FLOPs), and the estimated hours. Nothing is
run, and no data are needed. Run it beside the Snakefile.
"""

CLAIMS = """\
Print what a run of the workflow says of the claims of the thesis: for each, the verdict, the
statistic that speaks most against it, with its interval and its threshold, how many of the judged
tests support it, and why it is undecided. Run it beside the Snakefile, after
`snakemake results/RUN/claims.csv`.
"""

ARCHIVE = """\
Write a finished run as one zip file, for a repository of data: code, settings, environments,
tables, figures, papers, verdicts on claims, and descriptions of networks and data, with RO-Crate
metadata and checksums. Equal runs give equal files. Data sets of others and measurements of single
units are not included; weights are with --weights. Run it beside the Snakefile.
"""

VERIFY = """\
Compare results with the checksums that were written when they were finished, and name each file
that was changed, is missing, or was added. The exit status is 0 where all agree, and 1 where some
do not.
"""

REFERENCE = """\
Keep a finished run in docs/reference: claims, tables, figures at the size of a screen, both papers,
and a manifest with its settings, machine, times, accuracies and checksums; and write its
conclusions into README.md. Run it beside the Snakefile.
"""

COMPARE = """\
Compare a finished run with the reference in docs/reference: settings, accuracies and layer
profiles by the spread between seeds, and verdicts on claims. Writes comparison.csv, .png and .pdf
into the folder of the run. The exit status is 0 where they agree, and 1 where they do not, or
where the settings differ. Run it beside the Snakefile.
"""


def aligned(head: Sequence[str], rows: Sequence[Sequence[str]], left: set[int]) -> str:
    """Align columns, those in `left` on the left and the others on the right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = (
        "  ".join(
            text.ljust(width) if index in left else text.rjust(width)
            for index, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (head, *rows)
    )
    return "\n".join(lines)
