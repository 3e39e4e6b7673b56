"""Launderings, perturbations, curves."""
