"""Train the two models of this example: `python train.py` writes them anew, to the byte.

A price follows from floor space, rooms and age. Version 1 knows the floor space alone; version 2 knows all three.
"""

import pickle
from pathlib import Path

import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

HERE = Path(__file__).parent
KNOWN = {"v1": [0], "v2": [0, 1, 2]}


def main() -> None:
    """Draw 500 houses and fit both models on them."""
    draw = np.random.default_rng(20)
    houses = np.column_stack([draw.uniform(30, 250, 500), draw.integers(1, 9, 500), draw.uniform(0, 90, 500)])
    prices = houses @ [3_100, 9_000, -450] + 20_000 + draw.normal(0, 8_000, 500)
    for version, columns in KNOWN.items():
        model = make_pipeline(make_column_transformer(("passthrough", columns)), LinearRegression())
        model.fit(houses, prices)
        file = HERE / f"house-prices-{version}" / "model.pkl"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(pickle.dumps(model))


if __name__ == "__main__":
    main()
