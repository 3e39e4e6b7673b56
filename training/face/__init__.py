"""The face checkpoint: crops, augmentation, blended pairs, training."""
