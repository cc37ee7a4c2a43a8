"""Houses as a table."""

import json
import os
from pathlib import Path

import pandas as pd
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema

weights = []


def init():
    weights.extend(json.loads((Path(os.environ["AZUREML_MODEL_DIR"]) / "models/weights.json").read_text()))


@input_schema("houses", PandasParameterType(pd.DataFrame({"space": [120.0], "rooms": [4], "age": [10]})))
@output_schema(StandardPythonParameterType([1.0]))
def run(houses):
    return (houses.to_numpy() @ weights).tolist()
