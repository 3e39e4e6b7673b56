"""How the default checkpoints are made."""
