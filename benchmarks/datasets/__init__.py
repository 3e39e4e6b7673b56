"""Public data sets, one file each; `DATA_SETS` is the table of all."""

from __future__ import annotations

from benchmarks.datasets import (
    asvspoof5,
    asvspoof2019_la,
    asvspoof2021,
    av_deepfake1m,
    celeb_df,
    deeperforensics,
    deepfake_eval_2024,
    df40,
    dfd,
    dfdc,
    dfdc_preview,
    faceforensics,
    fakeavceleb,
    in_the_wild,
    lav_df,
    mlaad,
    protocol_csv,
    wavefake,
    wilddeepfake,
)
from benchmarks.datasets.dataset import DataSet
from detect.errors import ConfigError

DATA_SETS: tuple[DataSet, ...] = (
    faceforensics.DATA_SET,
    dfd.DATA_SET,
    celeb_df.V1,
    celeb_df.V2,
    dfdc_preview.DATA_SET,
    dfdc.DATA_SET,
    deeperforensics.DATA_SET,
    wilddeepfake.DATA_SET,
    df40.DATA_SET,
    fakeavceleb.DATA_SET,
    lav_df.DATA_SET,
    av_deepfake1m.DATA_SET,
    av_deepfake1m.PLUS_PLUS,
    deepfake_eval_2024.DATA_SET,
    asvspoof2019_la.DATA_SET,
    asvspoof2021.LA,
    asvspoof2021.DF,
    asvspoof5.DATA_SET,
    in_the_wild.DATA_SET,
    wavefake.DATA_SET,
    mlaad.DATA_SET,
    protocol_csv.DATA_SET,
)
"""In the order in which they are listed for people: faces, faces and voices, voices, your own."""


def data_set(name: str) -> DataSet:
    """The data set of that name.

    Raises:
        ConfigError: there is none.
    """
    for one in DATA_SETS:
        if one.name == name:
            return one
    raise ConfigError(f"no data set is named {name}; there are: {', '.join(one.name for one in DATA_SETS)}")
