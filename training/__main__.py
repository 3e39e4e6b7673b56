"""`python -m training`: how the default checkpoints were made, and how to make others from more data.

Each step reads what the one before it wrote into the `--run` folder, and can be repeated or resumed on its own:

    prepare     what is computed once from the data: faces found, vocoded copies
    train       weights, resumable after a kill
    export      best weights as an fp16 file for `weights/`
    calibrate   logits to likelihood ratios, on the validation split
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

_HERE = Path(__file__).parent


def _data(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def options(command: Callable[..., Any]) -> Callable[..., Any]:
        command = click.option(
            "--run",
            type=click.Path(path_type=Path, file_okay=False),
            default=Path(f"runs/{name}"),
            show_default=True,
            help="Folder for everything that is made on the way.",
        )(command)
        command = click.option(
            "--config",
            type=click.Path(path_type=Path, dir_okay=False, exists=True),
            default=_HERE / f"{name}.toml",
            help=f"Settings.  [default: training/{name}.toml]",
        )(command)
        return click.option(
            "--data",
            type=click.Path(path_type=Path, file_okay=False, exists=True),
            help="Folder with a protocol.csv.  [default: the folder of UNMASK_SHARED]",
        )(command)

    return options


_shared = click.option(
    "--shared",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="UNMASK_SHARED",
    default=Path("../shared"),
    show_default=True,
    help="Folder with development data: faces/, voice/, weights/.",
)
_device = click.option("--device", default="cpu", show_default=True, help="cpu, cuda or cuda:N.")


@click.group(help=__doc__)
def main() -> None:
    """Train, calibrate and evaluate checkpoints."""


@main.group()
def face() -> None:
    """The face-forgery checkpoint."""


@face.command("prepare")
@_data("face")
@_shared
def face_prepare(data: Path | None, config: Path, run: Path, shared: Path) -> None:
    """Find the faces in the pictures, once."""
    from training.face.config import read_config
    from training.face.prepare import find_faces, save, use_one_thread, wanted
    from training.protocol import read_protocol

    use_one_thread()
    folder, tight = data or shared / "faces", frozenset(read_config(config).tight_datasets)
    save(find_faces(folder, wanted(read_protocol(folder), tight), tight=tight), run / "faces.npz")


@face.command("train")
@_data("face")
@_shared
@_device
def face_train(data: Path | None, config: Path, run: Path, shared: Path, device: str) -> None:
    """Train, or go on after a kill."""
    from training.face.config import read_config
    from training.face.prepare import load
    from training.face.train import train
    from training.protocol import read_protocol

    folder = data or shared / "faces"
    train(
        folder,
        read_protocol(folder),
        load(run / "faces.npz"),
        read_config(config),
        run=run,
        shared=shared,
        device=device,
    )


if __name__ == "__main__":
    main()
