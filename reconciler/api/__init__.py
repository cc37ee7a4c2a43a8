"""The Python API: what `import reconciler` offers. It prints nothing, asks nobody and takes no signals.

Everything here mirrors a command, with its options as parameters, and raises the errors of `reconciler.errors`.
"""
