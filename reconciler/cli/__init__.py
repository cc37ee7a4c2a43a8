"""The command line: parse, call pipeline or operate, print, exit."""
