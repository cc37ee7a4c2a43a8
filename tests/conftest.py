"""Fixtures of all tests: a real Docker engine and its images, a real PostgreSQL server, for those that ask."""

pytest_plugins = ["tests.engine.fixtures", "tests.postgres.fixtures"]
