#!/bin/sh
# What `make demo` shows: plan, apply, a prediction through the gateway. `down` takes it all away again.
#   demo.sh up|down [TARGET [IMAGE]]
# IMAGE is what the sample's environment is made from, where the one that its file names cannot be pulled.
set -eu
cd "$(dirname "$0")/.."
action=${1:-up} target=${2:-dev} image=${3:-}
set -- --target "$target" ${image:+--set "environment/sklearn:1.image=$image"}

say() { printf '\n\033[1m$ %s\033[0m\n' "$*"; "$@"; }

case $action in
up)
    say mlops plan "$@"
    say mlops apply "$@" --auto-approve
    say mlops invoke house-prices --target "$target" --request-file manifests/house-prices/sample-request.json
    say mlops status --target "$target"
    printf '\nCall it yourself:\n  curl -H "Authorization: Bearer $(%s)" \\\n       --data @manifests/house-prices/sample-request.json \\\n       %s\n' \
        ".venv/bin/mlops credentials house-prices --target $target --query primaryKey -o tsv" \
        "$(mlops show endpoint/house-prices --target "$target" --query scoring_uri -o tsv)"
    printf '\nChange a file in manifests/ and say `.venv/bin/mlops plan %s`.\n`make demo-down TARGET=%s` takes everything away.\n' \
        "$*" "$target"
    ;;
down)
    say mlops destroy --target "$target" --auto-approve
    ;;
esac
