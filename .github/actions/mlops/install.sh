#!/usr/bin/env bash
# Makes a virtual environment from the action's checkout: every package by its hash, the build too. Nothing of the
# repository that is looked at takes part, and no variable of Python's is obeyed (-I).
#
# It is in the runner's cache of tools, by what it is made of: on a runner of the team's own, what a local target runs
# (keeper, Envoy) is out of it, and outlives the job.
set -euo pipefail
cd "$GITHUB_ACTION_PATH/../../.."
python3 -I -c 'import sys; sys.exit("mlops needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
files() { find reconciler requirements*.lock pyproject.toml -type f ! -name '*.pyc' "$@" | sort -z; }
made_of=$({ files -print0 && files -print0 | xargs -0 cat; } | git hash-object --stdin)
venv="$RUNNER_TOOL_CACHE/mlops/$(python3 -I -c 'import platform; print(platform.python_version())')-$made_of"
echo "venv=$venv" >>"$GITHUB_OUTPUT"
mkdir -p "$RUNNER_TOOL_CACHE/mlops"
if command -v flock >/dev/null; then # one at a time, where a machine has several runners
    exec 9>"$venv.lock"
    flock 9
fi
if [ -f "$venv/made" ]; then exit 0; fi
rm -rf "$venv"
if command -v uv >/dev/null; then
    uv venv --quiet --python "$(command -v python3)" "$venv"
    install=(uv pip install --quiet --python "$venv/bin/python")
else
    python3 -I -m venv "$venv"
    install=("$venv/bin/python" -I -m pip install --quiet --disable-pip-version-check)
fi
"${install[@]}" --require-hashes --requirement requirements.lock --requirement requirements-build.lock
"${install[@]}" --no-deps --no-build-isolation .
touch "$venv/made"
