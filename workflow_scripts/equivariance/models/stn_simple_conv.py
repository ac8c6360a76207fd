"""SimpleConv behind a spatial transformer, one of the specialised models of 2018 (Quiroga et al. 2018)."""

from collections import OrderedDict

from torch import nn

from equivariance.models import simple_conv
from equivariance.models.blocks import Layers
from equivariance.models.settings import STNSimpleConvSettings
from equivariance.models.spatial_transformer import SpatialTransformer
from equivariance.models.standardize import Standardize


def build(image_shape: tuple[int, int, int], classes: int, settings: STNSimpleConvSettings) -> nn.Module:
    """Build the network: images (N, C, H, W) in [0, 1] to log-probabilities (N, classes).

    Raises UserError for images too small for two poolings.
    """
    filters, hidden = settings.localization_filters, settings.localization_hidden
    layers: Layers = [
        ("standardize", Standardize(image_shape[0])),
        ("transformer", SpatialTransformer(image_shape, settings.transformer, filters, hidden)),
        *simple_conv.features(image_shape[0], settings),
        *simple_conv.classifier(simple_conv.feature_count(image_shape, settings), classes, settings),
    ]
    return nn.Sequential(OrderedDict(layers))
