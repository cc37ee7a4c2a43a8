#!/usr/bin/env bash
# Runs one command of mlops by the inputs of the action, and says in the action's outputs what came of it.
set -euo pipefail
python=("$MLOPS_VENV/bin/python" -I)
mlops=("${python[@]}" "$MLOPS_VENV/bin/mlops")
mkdir -p "$INPUT_REPORTS"
reports=$(cd "$INPUT_REPORTS" && pwd)

case "$INPUT_COMMAND" in
    comment) exec "${mlops[@]}" github comment "$reports/plan.markdown" ;;
    issue)
        state=close
        [ "$INPUT_CHANGES" != true ] || state=open
        exec "${mlops[@]}" github issue "$reports/drift.markdown" --title "Drift in $INPUT_TARGET" --state "$state"
        ;;
    reviewed)
        if ! shown=$("${mlops[@]}" github reviewed --target "$INPUT_TARGET"); then
            said="No plan is known that a pull request showed of what was recorded and live (the log says why); review this one."
        elif [ "$shown" = "$INPUT_DIGEST" ]; then
            said="This is the plan that the pull request showed, \`$shown\`."
        else
            said="This is not the plan that the pull request showed, \`$shown\`: something has moved since. Review this one."
        fi
        printf '%s\n' "$said" | tee -a "$GITHUB_STEP_SUMMARY"
        exit 0
        ;;
esac

words=() paths=()
[ -z "$INPUT_TARGET" ] || words+=(--target "$INPUT_TARGET")
while IFS= read -r word; do [ -z "$word" ] || words+=("$word"); done <<<"$INPUT_ARGS"
while IFS= read -r path; do [ -z "$path" ] || paths+=("$path"); done <<<"$INPUT_PATHS"
[ "$INPUT_SUMMARY" != true ] || words+=(--report "summary=$GITHUB_STEP_SUMMARY")

forms=(json markdown html)
case "$INPUT_COMMAND" in
    validate) forms=(json sarif junit) words+=(--format github) ;;
    plan)
        words+=(--detailed-exitcode)
        [ -z "$INPUT_AGAINST" ] || words+=("--against=$INPUT_AGAINST")
        ;;
    apply)
        words+=(--auto-approve)
        [ -z "$INPUT_DIGEST" ] || words+=(--digest "$INPUT_DIGEST")
        ;;
    drift) forms+=(sarif) words+=(--detailed-exitcode) paths=() ;;
    *) echo "command: there is no $INPUT_COMMAND" && exit 1 ;;
esac
case "$INPUT_COMMAND" in validate | plan) [ "$INPUT_OFFLINE" != true ] || words+=(--offline) ;; esac
for form in "${forms[@]}"; do words+=(--report "$form=$reports/$INPUT_COMMAND.$form"); done

# What a local target has started outlives the job; a runner ends at its end what has this variable.
[ "$INPUT_COMMAND" != apply ] || unset RUNNER_TRACKING_ID

code=0
"${mlops[@]}" "$INPUT_COMMAND" "${words[@]}" -- ${paths[@]+"${paths[@]}"} || code=$?

changes=
case "$INPUT_COMMAND:$code" in plan:0 | drift:0) changes=false ;; plan:2 | drift:2) changes=true ;; esac
digest=
if [ -f "$reports/$INPUT_COMMAND.json" ]; then
    digest='import json, sys; print(json.load(open(sys.argv[1], encoding="utf-8")).get("digest") or "")'
    digest=$("${python[@]}" -c "$digest" "$reports/$INPUT_COMMAND.json")
fi
printf '%s\n' "exit-code=$code" "digest=$digest" "changes=$changes" >>"$GITHUB_OUTPUT"
if [ -n "$changes" ]; then exit 0; fi
exit "$code"
