"""What the Snakefile needs and other people's networks do not: settings, plan, jobs, costs, paper.

The library (transformations, models, datasets, training, measures, analysis, figures) never imports it.
"""
