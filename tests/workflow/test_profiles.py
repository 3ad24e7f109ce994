"""The profiles fit together."""

import yaml
from project import ROOT


def test_the_slurm_profile_holds_all_of_the_default_one():
    """Snakemake takes one workflow profile, so profiles/slurm repeats profiles/default."""
    default, slurm = (
        yaml.safe_load((ROOT / f"profiles/{name}/config.yaml").read_text()) for name in ("default", "slurm")
    )
    assert default.items() <= slurm.items()
