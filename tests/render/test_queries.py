"""A query that cannot be asked is told, however it is written."""

import pytest

from reconciler.errors import MlopsError
from reconciler.render.answers import checked, queried


@pytest.mark.parametrize("query", ["[" * 3000, "!" * 9000])
def test_a_query_that_is_nested_too_deep_is_told(query: str):
    for ask in (checked, lambda query: queried({"a": [1]}, query)):
        with pytest.raises(MlopsError, match="--query is nested too deep"):
            ask(query)
