"""Models over HTTP: what each is, what it rests on, which are in use; and nothing of a network in the API's process."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import httpx

from service.store.keys import Scope
from tests.service.api.bench import SETUP, Bench
from weights import load_manifest


def test_every_checkpoint_is_listed_with_what_its_numbers_rest_on(client: httpx.Client) -> None:
    listed = client.get("/v1/models").json()
    models = {model["name"]: model for model in listed["models"]}
    for checkpoint in load_manifest().checkpoints:
        model = models.pop(checkpoint.name)
        assert (model["sha256"], model["licence"]) == (checkpoint.sha256, checkpoint.licence)
        assert model["known_limits"]
        assert (model["calibration"] is None) == (checkpoint.calibration is None)
        if model["calibration"] is not None:
            assert min(model["calibration"]["num_bonafide"], model["calibration"]["num_spoof"]) > 0
            assert model["calibration"]["smallest_llr"] < 0 < model["calibration"]["largest_llr"]
    assert models == {}
    assert listed["fusion"]["description"]
    assert listed["tool"] == SETUP.tool


def test_which_are_in_use_is_what_the_dispatcher_announced(at: Bench, client: httpx.Client) -> None:
    names = [model["name"] for model in client.get("/v1/models").json()["models"]]
    assert not any(model["in_use"] for model in client.get("/v1/models").json()["models"])
    at.announce(replace(SETUP, config_digest="1" * 64, models={names[0]: "a" * 64}))
    used = {model["name"]: model["in_use_sha256"] for model in client.get("/v1/models").json()["models"]}
    assert used == {name: "a" * 64 if name == names[0] else None for name in names}


def test_a_model_is_shown_with_its_card(at: Bench, client: httpx.Client) -> None:
    for checkpoint in load_manifest().checkpoints:
        model = client.get(f"/v1/models/{checkpoint.name}").json()
        assert model["card"] == load_manifest().card_path(checkpoint).read_text(encoding="utf-8")
    for name in ("nobody.knows", "..%2f..%2fmanifest.toml", "%00"):
        assert client.get(f"/v1/models/{name}").status_code == 404
    with at.client(at.key_for("Ada", Scope.SUBMIT)) as other:
        assert other.get("/v1/models").status_code == 403


def test_the_process_of_the_api_knows_no_network() -> None:
    names = ("torch", "ray", "onnxruntime", "cv2", "facenet_pytorch")
    code = f"import sys, service.serve; print([name for name in {names} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
