"""Houses as an array."""

import json
import os
from pathlib import Path

import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema, output_schema

weights = []


def init():
    weights.extend(json.loads((Path(os.environ["AZUREML_MODEL_DIR"]) / "models/weights.json").read_text()))


@input_schema("houses", NumpyParameterType(np.array([[120.0, 4.0, 10.0]])))
@output_schema(NumpyParameterType(np.array([1.0])))
def run(houses):
    return (houses @ weights).tolist()
