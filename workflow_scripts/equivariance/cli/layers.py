"""List the layers of a network."""

import pandas as pd
import torch

from equivariance.cli.arguments import LayersArguments
from equivariance.cli.models import load_network
from equivariance.cli.network import output_choices, preprocessing
from equivariance.cli.texts import aligned
from equivariance.devices import choose_device
from equivariance.errors import counted
from equivariance.measures.inspection import list_layers

SIZE = (224, 224)  # where neither a person nor the network says


def layers_text(arguments: LayersArguments) -> str:
    """List the layers of a network, and what is left out, as text; raises UserError as measuring does."""
    network = load_network(arguments.model, arguments.seed, arguments.weights)
    height, width = arguments.size or network.size or SIZE
    draw = torch.Generator().manual_seed(0)
    noise = torch.rand(network.batch or 2, network.channels, height, width, generator=draw)
    with network.one_line_errors(noise[0]):
        table = list_layers(
            network.model,
            noise,
            layers=arguments.layers,
            exclude=arguments.exclude,
            outputs=output_choices(arguments.outputs),
            maps=dict(arguments.maps),
            preprocess=preprocessing(arguments, network),
            device=choose_device(arguments.device),
            tile=network.tile(1),
        )
    layers = table[table["left_out"] == ""].drop(columns="left_out")
    out = table[table["left_out"] != ""][["layer", "module", "left_out"]]
    size = f"an image of {height}x{width}" + (
        "" if arguments.size or network.size else " (--size changes it)"
    )
    units = counted(int(layers["units"].sum()), "unit")
    total = f"{counted(len(layers), 'layer')} with {units}, {int(layers['bytes'].sum()):,} bytes for {size}"
    parts = [_text(layers), total]
    if len(out):
        parts += [f"{counted(len(out), 'layer')} left out:", _text(out)]
    return "\n\n".join(parts)


def _text(table: pd.DataFrame) -> str:
    """Write a table with its texts on the left and its numbers on the right."""
    left = {index for index, name in enumerate(table) if name not in ("units", "bytes")}
    return aligned([*table], table.astype(str).to_numpy().tolist(), left)
