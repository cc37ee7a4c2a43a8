"""Who wrote what a plan is about: lines are followed through history to commits."""
