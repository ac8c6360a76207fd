"""The names that a configuration may use, without importing torch."""

# Each family is the module of the same name; one sweep computes all its measures.
FAMILIES: dict[str, tuple[str, ...]] = {
    "variance": ("tv", "sv", "nv"),
}

FAMILY_OF = {measure: family for family, measures in FAMILIES.items() for measure in measures}

# Measures that are a ratio of two others: numerator and denominator.
RATIOS: dict[str, tuple[str, str]] = {"nv": ("tv", "sv")}

# How a measure of feature maps (C, H, W) becomes one value per feature map: over H and W, of the numerator
# and the denominator before dividing, or of their quotient after. `before_mean` is the thesis' choice.
AGGREGATIONS = (
    "none",
    "before_mean",
    "before_max",
    "before_sum",
    "after_mean",
    "after_max",
    "after_sum",
)
