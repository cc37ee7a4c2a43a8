"""The verbs of `az ml`: each is a plan of one resource, made, applied and recorded as any other plan is."""
