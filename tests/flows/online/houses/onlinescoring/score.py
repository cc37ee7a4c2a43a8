"""Price houses: `{"data": [[floor space in m², rooms, age in years], …]}` in, a list of prices out."""

import json
import logging
import os
from pathlib import Path

import joblib

model = None


def init():
    """Load the model; called once, before the first request."""
    global model
    model = joblib.load(Path(os.environ["AZUREML_MODEL_DIR"]) / "model/model.pkl")
    logging.info("Init complete")


def run(raw_data):
    """Price the houses of one request."""
    logging.info("Request received")
    data = json.loads(raw_data)["data"]
    return model.predict(data).round(2).tolist()
