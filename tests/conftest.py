"""Fixtures of all tests: a real Docker engine and its images, real PostgreSQL and Chromium, for those that ask."""

pytest_plugins = ["tests.engine.fixtures", "tests.postgres.fixtures", "tests.browser"]
