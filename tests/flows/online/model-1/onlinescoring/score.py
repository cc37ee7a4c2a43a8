"""Price houses: `{"data": [[floor space in m², rooms, age in years], …]}` in, a list of prices out."""

import json
import logging
import os
from pathlib import Path

weights = []


def init():
    """Load the model; called once, before the first request."""
    weights.extend(json.loads((Path(os.environ["AZUREML_MODEL_DIR"]) / "model/weights.json").read_text()))
    logging.info("Init complete")


def run(raw_data):
    """Price the houses of one request."""
    logging.info("Request received")
    return [sum(w * x for w, x in zip(weights, row, strict=True)) for row in json.loads(raw_data)["data"]]
