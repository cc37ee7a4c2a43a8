"""What targets on this machine have in common, whatever runs their instances: one proxy, waves, endpoints, objects."""
