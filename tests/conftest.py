"""Fixtures of all tests: a real Docker engine and its images, for those that ask."""

pytest_plugins = ["tests.engine.fixtures"]
