"""The published faces: each owns its accent and nothing else."""
