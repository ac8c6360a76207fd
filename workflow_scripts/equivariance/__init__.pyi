from equivariance.figures.measured import write_figures as write_figures
from equivariance.measures.arrays import measure_arrays as measure_arrays
from equivariance.measures.inspection import list_layers as list_layers
from equivariance.measures.measuring import Report as Report
from equivariance.measures.measuring import measure as measure
from equivariance.measures.measuring import measure_several as measure_several
from equivariance.measures.sweep import Sweep as Sweep
from equivariance.transformations.sets import build_set as build_set
