"""`python -m training`: how the default checkpoints were made, and how to make others from more data.

Each step reads what the one before it wrote into the `--run` folder, and can be repeated or resumed on its own:

    prepare     what is computed once from the data: faces found, vocoded copies
    train       weights, resumable after a kill
    evaluate    what the weights achieve on the validation split
    export      best weights as a half-precision file for `weights/`, and the lines of the manifest
    calibrate   logits to likelihood ratios, on the validation split

The test splits and whole recordings are measured by `python -m benchmarks checkpoints` and nowhere here.
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


_scores = click.option(
    "--scores",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("runs/scores"),
    show_default=True,
    help="Keeps the validation logits, so that a second run is quick.",
)
_out = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=_HERE.parent / "weights",
    help="Where the file goes.  [default: weights/]",
)


@click.group()
def main() -> None:
    """Train, evaluate and calibrate checkpoints: prepare, train, evaluate, export, calibrate, in this order.

    Needs the extra `training` (pip install -e '.[training]'). Everything made on the way lies in the --run folder; a
    training that was killed goes on where its last state was written.
    """


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


@face.command("evaluate")
@_data("face")
@_shared
@_device
@click.option("--size", "sizes", type=int, multiple=True, help="Side of the crops, px; repeat to compare.")
def face_evaluate(
    data: Path | None, config: Path, run: Path, shared: Path, device: str, sizes: tuple[int, ...]
) -> None:
    """AUC of the best weights on the validation split, plain and laundered, by data set."""
    from training.face.config import read_config
    from training.face.prepare import load
    from training.face.train import evaluate
    from training.protocol import read_protocol

    folder, settings = data or shared / "faces", read_config(config)
    for size in sizes or (settings.validation_px,):
        metrics = evaluate(
            folder, read_protocol(folder), load(run / "faces.npz"), settings, run=run, size_px=size, device=device
        )
        print(f"{size} px: " + "  ".join(f"{name} {value:.4f}" for name, value in metrics.items()))


@face.command("export")
@_data("face")
@_out
def face_export(data: Path | None, config: Path, run: Path, out: Path) -> None:  # noqa: ARG001 - one set of options
    """Write the best weights for `weights/`."""
    from training.export import export
    from training.face.config import read_config

    print(export(run / "best.safetensors", read_config(config).checkpoint, out))


@face.command("calibrate")
@_data("face")
@_shared
@_scores
@_out
def face_calibrate(data: Path | None, config: Path, run: Path, shared: Path, scores: Path, out: Path) -> None:  # noqa: ARG001
    """Fit and file the calibration of the exported checkpoint."""
    from training.calibration.face import calibrate_face
    from training.face.config import read_config

    settings = read_config(config)
    name, tight = settings.checkpoint, frozenset(settings.tight_datasets)
    file = out / f"{name}.safetensors"
    print(calibrate_face(data or shared / "faces", scores, name, tight=tight, file=file, out=out))


@main.group()
def voice() -> None:
    """The voice-spoof checkpoint."""


@voice.command("prepare")
@_data("voice")
@_shared
def voice_prepare(data: Path | None, config: Path, run: Path, shared: Path) -> None:
    """Decode the utterances and make machine-made copies of the bona fide ones, once."""
    from training.voice.config import VoiceConfig
    from training.voice.prepare import prepare

    generators = shared / "weights" / "generators"
    prepare(
        data or shared / "voice",
        run / "prepared",
        generators if generators.is_dir() else None,
        seed=VoiceConfig.load(config).copies_seed,
        report=print,
    )


@voice.command("train")
@_data("voice")
@_shared
@_device
def voice_train(data: Path | None, config: Path, run: Path, shared: Path, device: str) -> None:
    """Train, or go on after a kill."""
    import torch

    from training.voice.config import VoiceConfig, voice_spec
    from training.voice.train import train

    settings = VoiceConfig.load(config)
    train(
        voice_spec(settings),
        settings,
        data=data or shared / "voice",
        work=run / "prepared",
        run=run,
        device=torch.device(device),
    )


@voice.command("evaluate")
@_data("voice")
@_shared
@_device
def voice_evaluate(data: Path | None, config: Path, run: Path, shared: Path, device: str) -> None:
    """EER, AUC and order within pairs of the best weights on the validation split."""
    from training.voice.config import VoiceConfig, voice_spec
    from training.voice.train import evaluate

    settings = VoiceConfig.load(config)
    metrics = evaluate(
        voice_spec(settings), data or shared / "voice", run=run, seed=settings.schedule.seed, device=device
    )
    print("  ".join(f"{name} {value:.4f}" for name, value in metrics.items()))


@voice.command("export")
@_data("voice")
@_out
def voice_export(data: Path | None, config: Path, run: Path, out: Path) -> None:  # noqa: ARG001 - one set of options
    """Write the best weights for `weights/`."""
    from training.export import export
    from training.voice.config import VoiceConfig

    print(export(run / "best.safetensors", VoiceConfig.load(config).checkpoint, out))


@voice.command("calibrate")
@_data("voice")
@_shared
@_scores
@_out
def voice_calibrate(data: Path | None, config: Path, run: Path, shared: Path, scores: Path, out: Path) -> None:  # noqa: ARG001
    """Fit and file the calibration of the exported checkpoint."""
    from training.calibration.voice import calibrate_voice
    from training.voice.config import VoiceConfig

    name = VoiceConfig.load(config).checkpoint
    print(calibrate_voice(data or shared / "voice", scores, name, file=out / f"{name}.safetensors", out=out))


@main.command("fuse")
@_shared
@_scores
@_out
def fuse(shared: Path, scores: Path, out: Path) -> None:
    """Fit how face and voice LLRs become one, from the calibrations on file."""
    from training.calibration.fusion import fit_fusion
    from training.face.config import read_config
    from training.voice.config import VoiceConfig

    print(
        fit_fusion(
            shared,
            scores,
            read_config(_HERE / "face.toml").checkpoint,
            VoiceConfig.load(_HERE / "voice.toml").checkpoint,
            command="python -m training fuse",
            calibrations=out,
            out=out / "fusion.json",
        )
    )


if __name__ == "__main__":
    main()
