"""Make optimizers from their settings."""

from fnmatch import fnmatchcase

import torch
from torch import nn

from equivariance.errors import UserError
from equivariance.training.settings import Optimizer


def make_optimizer(settings: Optimizer, model: nn.Module) -> torch.optim.Optimizer:
    """Make Adam or AdamW, at a constant rate, of the parameters that are trained.

    Parameters whose name matches a pattern of `other_rates` have that rate, the first pattern that matches.
    Raises UserError for a pattern that matches no parameter.
    """
    names = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    for pattern in settings.other_rates:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise UserError(f"other_rates: {pattern!r} matches no parameter; they are {', '.join(names)}")
    by_rate: dict[float, list[nn.Parameter]] = {}
    for name in names:
        rates = [rate for pattern, rate in settings.other_rates.items() if fnmatchcase(name, pattern)]
        by_rate.setdefault((rates or [settings.learning_rate])[0], []).append(model.get_parameter(name))
    groups = [{"params": parameters, "lr": rate} for rate, parameters in by_rate.items()]
    kind = torch.optim.AdamW if settings.name == "adamw" else torch.optim.Adam
    # The fused step is one kernel instead of a dozen per parameter.
    return kind(groups, weight_decay=settings.weight_decay, fused=True)
