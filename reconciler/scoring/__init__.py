"""The scoring server: runs a score.py's init() and run() inside a deployment's own environment."""
