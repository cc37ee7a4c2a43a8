#!/bin/bash
# A second version beside the first: tried by itself, then with copies of requests, a tenth of them, all of them.
set -e

export ENDPOINT_NAME=endpt-$RANDOM
echo "endpoint: $ENDPOINT_NAME"

az ml online-endpoint create --name $ENDPOINT_NAME -f online/sample/endpoint.yml
az ml online-deployment create --name blue --endpoint-name $ENDPOINT_NAME -f online/sample/blue-deployment.yml --all-traffic
echo "blue: $(az ml online-endpoint invoke --name $ENDPOINT_NAME --request-file online/model-1/sample-request.json)"

az ml online-deployment update --name blue --endpoint-name $ENDPOINT_NAME --set instance_count=2
echo "instances of blue: $(az ml online-deployment show -n blue -e $ENDPOINT_NAME --query instance_count)"

az ml online-deployment create --name green --endpoint-name $ENDPOINT_NAME -f online/sample/green-deployment.yml
echo "traffic: $(az ml online-endpoint show -n $ENDPOINT_NAME --query traffic | jq -c)"
echo "green: $(az ml online-endpoint invoke --name $ENDPOINT_NAME --deployment-name green --request-file online/model-2/sample-request.json)"

ENDPOINT_KEY=$(az ml online-endpoint get-credentials -n $ENDPOINT_NAME -o tsv --query primaryKey)
SCORING_URI=$(az ml online-endpoint show -n $ENDPOINT_NAME -o tsv --query scoring_uri)
call() {
  curl --silent --show-error --fail --request POST "$SCORING_URI" --header "Authorization: Bearer $ENDPOINT_KEY" --header 'Content-Type: application/json' "$@" --data @online/model-1/sample-request.json
}
echo "green by curl: $(call --header "azureml-model-deployment: green")"

az ml online-endpoint update --name $ENDPOINT_NAME --mirror-traffic "green=10"
echo "mirrored: $(az ml online-endpoint show -n $ENDPOINT_NAME --query mirror_traffic.green -o tsv)"
for i in {1..200}
do
  echo "while mirrored: $(call)"
done
sleep 1
echo "copies: $(az ml online-deployment get-logs --name green --endpoint $ENDPOINT_NAME --lines 1000 | grep -c "Request received")"
az ml online-endpoint update --name $ENDPOINT_NAME --mirror-traffic "green=0"

az ml online-endpoint update --name $ENDPOINT_NAME --traffic "blue=90 green=10"
for i in {1..300}
do
  echo "of a tenth: $(call)"
done

az ml online-endpoint update --name $ENDPOINT_NAME --traffic "blue=0 green=100"
echo "at last: $(call)"

az ml online-deployment delete --name blue --endpoint $ENDPOINT_NAME --yes
az ml online-deployment list --endpoint-name $ENDPOINT_NAME -o table
echo "left: $(az ml online-deployment list -e $ENDPOINT_NAME --query "[].name" -o tsv)"
