"""The face checkpoint: data, augmentation, training, evaluation."""
