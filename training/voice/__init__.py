"""How the default voice checkpoint is made: data, copies, augmentation, training."""
