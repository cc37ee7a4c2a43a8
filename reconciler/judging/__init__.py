"""Policies over plans: a plan is held against `policies/*.yaml` before anything is done, and refused or warned of."""

from reconciler.judging.judge import Occasion, ask_for_authors, flaws_of, in_force, judged, mistakes

__all__ = ["Occasion", "ask_for_authors", "flaws_of", "in_force", "judged", "mistakes"]
