"""The docker target's tests; `engine_host`, `base_image`, `project` and more are in tests/engine/fixtures.py."""
