"""Values that every floor speaks in: frozen, without I/O and without a clock."""
