"""Longer texts of the help."""

DESCRIPTION = """\
Measure how much each layer of a network changes when its input is transformed.

Writes to the folder OUTPUT: measures.csv (or .parquet), a row per layer, unit and measure; profile.csv, a row
per layer and measure; left_out.csv, what is not measured, and why; and for each measure two figures as PDF
and PNG, its profile over the layers and a heat map of all units. Before it starts it says what it will do, in
how much memory, and about how long that takes. A run that was stopped goes on when its command is repeated.
"""

LAYERS = """\
layers: a layer is a call of a module that gives one row for each image. By default all modules without others
in them are measured, and those that compute by themselves, such as attention; of a module that runs several
times each call is a layer: relu, relu:2. A unit is a feature map, whatever the order of the axes (channels
first or last, tokens), or a number of a layer without maps. Left out is what gives no row per image, what is
not called, and what does not run for every image. `python -m equivariance layers --model MODEL` lists all.

"""

PICTURES = """\
images: a folder in FOLDER is a class, with all images below it, at any depth; hidden files and folders are
left out. All images are read before the first is measured, and all that are damaged are named. An image is
turned by its EXIF tag, as a viewer shows it. What is transparent is composed on black. Gray of 16 bits is
scaled to 8 bits; floats and whole numbers of 32 bits have no known range and are refused. Of several frames
or pages the first is measured. Colour profiles are not applied.

"""

EXAMPLE = """\
example, with a network of torchvision and its pre-trained weights:

  python -m equivariance measure --model torchvision:resnet18:DEFAULT --images photos --size 224 \\
      --transformations rotation --count 16 --measures nv nvse --output resnet18

A network of your own is a function without arguments that gives it, here `build` in the file nets.py, and a
file of its weights, which torch.save(model.state_dict(), "weights.pth") wrote:

  python -m equivariance measure --model nets.py:build --weights weights.pth --images photos \\
      --transformations rotation --output own

Or three lines of Python make one file of it, which needs no code; dynamic_shapes lets it take any number of
images (without, --count must divide the number that it was exported with):

  batch = torch.export.Dim("batch")
  program = torch.export.export(model.eval(), (torch.rand(2, 3, 224, 224),), dynamic_shapes=({0: batch},))
  torch.export.save(program, "model.pt2")
"""

LIST = """\
List the layers of a network, in the order of execution, before anything is measured: kind, layout of the
output, its shape for one image, units, and bytes; and what would be left out, and why.
"""

PLAN = """\
Tell what a run of the workflow would do: its jobs by rule, its networks and measurements by model with their
floating point operations, and the estimated hours. Nothing is run, and no data are needed. For the folder of
the Snakefile.
"""
