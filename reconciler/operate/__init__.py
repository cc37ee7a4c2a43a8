"""Day two: ask an endpoint, read its logs, hand out its keys, tell how it is."""
