"""Clients that ask endpoint `credit` of a local target without a break while something is done to it."""

from tests.hosted_world import Load

__all__ = ["Load"]
