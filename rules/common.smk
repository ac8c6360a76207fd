# The run that all rules are about; what they need of it is in workflow_scripts/equivariance/workflow/.
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.settings.types import DeploymentMethod
from snakemake.utils import update_config

ROOT = Path(workflow.basedir)
sys.path.insert(0, str(ROOT / "workflow_scripts"))

from equivariance.disk import check_writable
from equivariance.errors import UserError
from equivariance.workflow.claims import claim_code, claim_entries, claim_names, claim_tables
from equivariance.workflow.cluster import check_gpus
from equivariance.workflow.container import check_container
from equivariance.workflow.images import feature_map_code, feature_map_settings, image_settings
from equivariance.workflow.jobs import CAPTION, figure_jobs, measuring_jobs, table_jobs, training_jobs
from equivariance.workflow.loading import in_file_order, load_config
from equivariance.workflow.published import compared_tables, is_reduced
from equivariance.workflow.record import SHOWN, dataset_descriptions, figure_entry, sizes, versions
from equivariance.workflow.report import (
    CONCLUSIONS,
    CONCLUSIONS_TABLE,
    CONCLUSIONS_TESTS,
    PUBLISHED,
    report_category,
    report_labels,
)
from equivariance.workflow.resources import memory, minutes
from equivariance.workflow.results import end_products, result_files
from equivariance.workflow.run import Run
from equivariance.workflow.tables import table_inputs, table_settings
from equivariance.workflow.yaml_files import check_yaml, typed

try:
    given = {Path(file): check_yaml(Path(file)) for file in workflow.configfiles}
    check_writable(Path("results"), Path("logs"))
    update_config(config, typed(workflow.config_settings.config))
    for section in ("experiments", "claims"):
        own = given[ROOT / "config" / f"{section}.yaml"]
        config[section] = in_file_order(config.get(section), own[section])
    CONFIG = load_config(config, ROOT / "config" / "schemas")
    if DeploymentMethod.APPTAINER in workflow.deployment_settings.deployment_method:
        check_container(CONFIG.container)
except UserError as error:
    raise WorkflowError(str(error)) from None
RUN = Run(CONFIG, ROOT)
PLAN = RUN.plan
RESULTS = result_files(RUN)  # thousands of paths, listed once
STAND_INS = {name: entry["stand_in_for"] for name, entry in CONFIG.datasets.items()}


def any_of(names):
    """Wildcard constraint: one of some names, or nothing where there are none."""
    return "|".join(names) or "(no name)"


onstart:
    if workflow.is_main_process and workflow.executor_plugin.name == "slurm":
        jobs = [job for job in workflow.dag.needrun_jobs() if job.resources.get("gpu")]
        try:
            check_gpus({job.resources.get("slurm_partition") for job in jobs})
        except UserError as error:
            raise WorkflowError(str(error)) from None


wildcard_constraints:
    dataset=any_of(CONFIG.datasets),
    experiment=any_of(CONFIG.experiments),
