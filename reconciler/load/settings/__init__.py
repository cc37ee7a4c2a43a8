"""What the settings say: `mlops.yaml` with its targets and policies, and the folder of policies over plans."""
