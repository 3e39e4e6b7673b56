"""Models: what each checkpoint is, what its LLRs rest on, where its limits are, and which ones are in use.

All of it is read from the files of the installation; no network is loaded, and no weights are read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Path

from detect.calibrate import Calibration, Fusion, Level
from service.api.access import Reader
from service.api.answers import refusals
from service.api.schemas.models import Model, ModelCard, ModelList, ModelPopulation, ModelResult
from service.problems import NotFound, Unavailable
from service.state import Service, TheService
from service.store import setups
from service.store.row import AnyRow
from weights import Checkpoint, Manifest, load_manifest
from weights.errors import WeightsNotFound

router = APIRouter(prefix="/v1/models", tags=["models"])

ModelName = Annotated[str, Path(max_length=100, examples=["lfb-resnet.unmask1"])]
_RETRY_SECONDS = 60


@router.get("", responses=refusals())
def list_models(service: TheService, caller: Reader) -> ModelList:
    """List the checkpoints that this installation knows, and say which ones examinations use now."""
    del caller
    manifest, setup = load_manifest(), _setup(service)
    used = _used(setup)
    return ModelList(
        models=[_model(manifest, checkpoint, used) for checkpoint in manifest.checkpoints],
        fusion=_fusion(manifest),
        tool=setup.tool if setup is not None else None,
        config_digest=setup.config_digest if setup is not None else None,
    )


@router.get("/{name}", responses=refusals(404))
def read_model(service: TheService, caller: Reader, name: ModelName) -> ModelCard:
    """Show a checkpoint with its card: how it was trained, what was measured, what it cannot do."""
    del caller
    manifest = load_manifest()
    try:
        checkpoint = manifest.checkpoint(name)
    except WeightsNotFound as error:
        raise NotFound("No such model.") from error
    model = _model(manifest, checkpoint, _used(_setup(service)))
    try:
        card = manifest.card_path(checkpoint).read_text(encoding="utf-8")
    except OSError as error:
        raise Unavailable("The card is not part of this installation.", retry_after_seconds=_RETRY_SECONDS) from error
    return ModelCard(**model.model_dump(), card=card)


def _setup(service: Service) -> AnyRow | None:
    with service.store.read() as db:
        return setups.current(db)


def _used(setup: AnyRow | None) -> Mapping[str, str]:
    """Names of the checkpoints in use, and the SHA-256 that a dispatcher verified."""
    return {} if setup is None else dict(json.loads(setup.models))


def _model(manifest: Manifest, checkpoint: Checkpoint, used: Mapping[str, str]) -> Model:
    return Model(
        name=checkpoint.name,
        modality=checkpoint.modality,
        architecture=checkpoint.architecture,
        kind=checkpoint.kind,
        sha256=checkpoint.sha256,
        num_bytes=checkpoint.num_bytes,
        licence=checkpoint.licence,
        source=checkpoint.repository,
        paper=checkpoint.paper,
        training_data=list(checkpoint.training_data),
        known_limits=checkpoint.known_limits,
        calibration=_calibration(manifest, checkpoint),
        published=[ModelResult(**entry.model_dump()) for entry in checkpoint.published],
        in_use=checkpoint.name in used,
        in_use_sha256=used.get(checkpoint.name),
    )


def _calibration(manifest: Manifest, checkpoint: Checkpoint) -> ModelPopulation | None:
    path = manifest.calibration_path(checkpoint)
    if path is None:
        return None
    filed = Calibration.load(path, checkpoint.sha256)
    whole = filed.maps[Level.MODALITY]
    return _population(filed, lower=whole.lower, upper=whole.upper)


def _fusion(manifest: Manifest) -> ModelPopulation | None:
    path = manifest.fusion_path()
    if path is None:
        return None
    filed = Fusion.load(path)
    return _population(filed, lower=filed.lower, upper=filed.upper)


def _population(filed: Calibration | Fusion, *, lower: float, upper: float) -> ModelPopulation:
    return ModelPopulation(
        description=filed.population.description,
        num_bonafide=filed.population.num_bonafide,
        num_spoof=filed.population.num_spoof,
        smallest_llr=lower,
        largest_llr=upper,
    )
