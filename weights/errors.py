"""The root of the exception tree and the branch that concerns checkpoints; `detect.errors` draws the whole tree."""

from __future__ import annotations


class UnmaskError(Exception):
    """Root of everything this project raises on purpose."""


class WeightsError(UnmaskError):
    """The installation is at fault."""


class WeightsNotFound(WeightsError):
    """No such checkpoint on this machine."""


class WeightsMismatch(WeightsError):
    """A checkpoint that is not the one the manifest names."""


class WeightsUnavailable(WeightsError):
    """A checkpoint could not be fetched."""
