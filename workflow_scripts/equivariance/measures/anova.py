"""One-way analysis of variance with the transformations as groups, the baseline of earlier literature.

With A[i, j] the activation of a unit for sample i under transformation j, n samples and m transformations:

    SSB = n sum_j (mean_j - mean)^2        SSW = sum_j sum_i (A[i, j] - mean_j)^2
    F = [SSB / (m - 1)] / [SSW / (m (n - 1))]
    rejected where F > quantile of F(m - 1, m (n - 1)) at 1 - (1 - confidence) / k
    eta^2 = SSB / (SSB + SSW)

Rejected means that the unit's mean depends on the transformation: that it is not invariant. k corrects for
the number of tests (Bonferroni). The test assumes independent observations, which these are not: the same
samples are seen under every transformation. With many samples nearly everything is rejected; eta^2 is the
graded form.
"""

import torch
from scipy.special import fdtri
from torch import Tensor


def f_critical(confidence: float, tests: int, between: int, within: int) -> float:
    """Compute the critical value of F for degrees of freedom `between` and `within`, among `tests` tests."""
    return float(fdtri(between, within, 1 - (1 - confidence) / max(tests, 1)))


def sums_of_squares(means: Tensor, m2: Tensor, samples: int) -> tuple[Tensor, Tensor]:
    """Compute SSB and SSW from means and sums of squared deviations (m, ...) over n samples."""
    first = means[0]
    mean = first + sum(group - first for group in means) / len(means)  # exact where all are equal
    between = samples * sum((group - mean).square() for group in means)
    return between, sum(group for group in m2)


def analyse(between: Tensor, within: Tensor, groups: int, samples: int) -> tuple[Tensor, Tensor]:
    """Compute F and eta^2 from SSB and SSW of m groups of n samples.

    Of a unit that is constant eta^2 is 0, and F is 0, not 0/0. F is infinite where only the transformation
    moves a unit, and 0 where there is nothing to test: one sample, or one transformation. NaN stays NaN.
    """
    eta_squared = torch.where(between == 0, 0.0, between / (between + within))
    if groups < 2 or samples < 2:
        return torch.zeros_like(between), eta_squared
    f = (between / (groups - 1)) / (within / (groups * (samples - 1)))
    return torch.where(between == 0, 0.0, f), eta_squared
