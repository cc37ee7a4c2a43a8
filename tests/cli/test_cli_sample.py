"""The Azure sample's own files, as they are, served and asked."""

import shutil
from pathlib import Path

import pytest
from command_line import Repository

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "cli" / "endpoints" / "online"
SCORE = """import json
import os

import joblib


def init():
    global model
    model = joblib.load(os.path.join(os.getenv("AZUREML_MODEL_DIR"), "model/sklearn_regression_model.pkl"))


def run(raw_data):
    return model.predict(json.loads(raw_data)["data"]).tolist()
"""


@pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"the Azure samples are not at {SAMPLES}")
def test_the_azure_sample_predicts_what_it_predicts_in_azure(local: Repository):
    shutil.rmtree(local.folder / "manifests")
    shutil.copytree(SAMPLES / "managed" / "sample", local.folder / "online" / "managed" / "sample")
    shutil.copytree(SAMPLES / "model-1", local.folder / "online" / "model-1")
    local.write("online/model-1/onlinescoring/score.py", SCORE)
    sample = "online/managed/sample"
    local.apply(f"{sample}/endpoint.yml", f"{sample}/blue-deployment.yml")
    request = "online/model-1/sample-request.json"
    answer = local.mlops("invoke", "my-endpoint", "--deployment", "blue", "--request-file", request)
    assert answer.json == [11055.977245525679, 4503.079536107787]
