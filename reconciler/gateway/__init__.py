"""The proxy in front of the deployments: Envoy's configuration as a pure function, and knowing that it was taken."""
