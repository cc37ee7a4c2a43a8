"""The resident process that keeps instances and the proxy up for a local target, and the client that talks to it."""
