#!/bin/sh
# What `make demo` shows: plan, apply, a prediction through the gateway. `down` takes it all away again.
set -eu
cd "$(dirname "$0")/.."
target=${2:-dev}

say() { printf '\n\033[1m$ %s\033[0m\n' "$*"; "$@"; }

case ${1:-up} in
up)
    say mlops plan --target "$target"
    say mlops apply --target "$target" --auto-approve
    say mlops invoke house-prices --target "$target" --request-file manifests/house-prices/sample-request.json
    say mlops status --target "$target"
    printf '\nCall it yourself:\n  curl -H "Authorization: Bearer $(%s)" \\\n       --data @manifests/house-prices/sample-request.json \\\n       %s\n' \
        ".venv/bin/mlops credentials house-prices --target $target --query primaryKey -o tsv" \
        "$(mlops show endpoint/house-prices --target "$target" --query scoring_uri -o tsv)"
    printf '\nChange a file in manifests/ and say `.venv/bin/mlops plan`. `make demo-down` takes everything away.\n'
    ;;
down)
    say mlops destroy --target "$target" --auto-approve
    ;;
esac
