"""What was recorded of a target: state, journal, history and run lock behind one protocol, one file a store."""
