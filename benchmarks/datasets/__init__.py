"""Public data sets, one file each; `DATA_SETS` is the table of all."""

from __future__ import annotations

from benchmarks.datasets import in_the_wild, protocol_csv
from benchmarks.datasets.dataset import DataSet
from detect.errors import ConfigError

DATA_SETS: tuple[DataSet, ...] = (in_the_wild.DATA_SET, protocol_csv.DATA_SET)
"""In the order in which they are listed for people: faces, faces and voices, voices."""


def data_set(name: str) -> DataSet:
    """The data set of that name.

    Raises:
        ConfigError: there is none.
    """
    for one in DATA_SETS:
        if one.name == name:
            return one
    raise ConfigError(f"no data set is named {name}; there are: {', '.join(one.name for one in DATA_SETS)}")
