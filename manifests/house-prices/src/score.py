"""Price houses: `{"data": [[floor space in m², rooms, age in years], …]}` in, a list of prices out."""

import json
import logging
import os
import pickle
from pathlib import Path

model = None


def init():
    """Load the model; called once, before the first request."""
    global model
    file = Path(os.environ["AZUREML_MODEL_DIR"])
    (file,) = file.glob("*/model.pkl")
    model = pickle.loads(file.read_bytes())
    logging.info("loaded %s", file.parent.name)


def run(raw_data):
    """Price the houses of one request."""
    houses = json.loads(raw_data)["data"]
    logging.info("pricing %d houses", len(houses))
    return model.predict(houses).round(2).tolist()
