"""From logits on held-out trials to calibrated log-likelihood ratios: what is fitted, on what, how it is bounded."""
