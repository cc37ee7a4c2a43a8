"""The YAML files of a folder together, known by what they hold."""
