#!/bin/bash
# Changes of one field, as somebody makes them who tries something.
set -e

ENDPOINT_NAME=${ENDPOINT_NAME:-endpt-$RANDOM}
blue() {
  az ml online-deployment show -n blue -e $ENDPOINT_NAME --query "$1" -o tsv
}

az ml online-endpoint create -n $ENDPOINT_NAME --auth-mode key --set tags.team=risk tags.stage=trial
az ml online-deployment create -n blue -e $ENDPOINT_NAME -f online/sample/blue-deployment.yml --all-traffic --set environment_variables.LEVEL=3 --only-show-errors

az ml online-deployment update -n blue -e $ENDPOINT_NAME --set instance_count=2 tags.owner=ana "tags.note=two words" --set request_settings.request_timeout_ms=3000
echo "count: $(blue instance_count)"
echo "note: $(blue tags.note)"
echo "timeout: $(blue request_settings.request_timeout_ms)"

# What Azure's tools cannot: take away, and set back to false.
az ml online-deployment update -n blue -e $ENDPOINT_NAME --set app_insights_enabled=true
az ml online-deployment update -n blue -e $ENDPOINT_NAME --set app_insights_enabled=false --remove tags.owner --remove environment_variables.LEVEL
echo "insights: $(blue app_insights_enabled)"
echo "owner: $(blue tags.owner)"
echo "variables: $(az ml online-deployment show -n blue -e $ENDPOINT_NAME --query "keys(environment_variables || \`{}\`)" | jq -c)"

az ml online-endpoint update -n $ENDPOINT_NAME --set tags.stage=live --remove tags.team
echo "tags: $(az ml online-endpoint show -n $ENDPOINT_NAME --query tags | jq -c)"

# Creating what is there brings it to what the file says.
az ml online-deployment create -n blue -e $ENDPOINT_NAME -f online/sample/blue-deployment.yml
echo "count again: $(blue instance_count)"
