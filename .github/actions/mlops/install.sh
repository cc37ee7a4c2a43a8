#!/usr/bin/env bash
# Makes a virtual environment of the job's own from the action's checkout: every package by its hash, the build too.
# Nothing of the repository that is looked at takes part, and no variable of Python's is obeyed (-I).
set -euo pipefail
source=$(cd "$GITHUB_ACTION_PATH/../../.." && pwd)
venv="$RUNNER_TEMP/mlops-venv"
cd "$source"
if [ -f "$venv/made" ]; then exit 0; fi
python3 -I -c 'import sys; sys.exit("mlops needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
locks=(--require-hashes --requirement requirements.lock --requirement requirements-build.lock)
if command -v uv >/dev/null; then
    uv venv --quiet --python "$(command -v python3)" "$venv"
    install=(uv pip install --quiet --python "$venv/bin/python")
else
    python3 -I -m venv "$venv"
    install=("$venv/bin/python" -I -m pip install --quiet --disable-pip-version-check)
fi
"${install[@]}" "${locks[@]}"
"${install[@]}" --no-deps --no-build-isolation "$source"
touch "$venv/made"
