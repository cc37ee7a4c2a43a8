#!/bin/bash
# A managed endpoint of a model and an environment that are registered first.
set -e

export ENDPOINT_NAME=endpt-$RANDOM
SCOPE="--resource-group my-group --workspace-name my-workspace --subscription 00000000-0000-0000-0000-000000000000"

check() {
  if [[ $2 == "Succeeded" ]]
  then
    echo "$1 completed successfully"
  else
    echo "$1 failed: $2"
    exit 1
  fi
}

az ml model create --name my-model --version 1 --path online/houses/model/ $SCOPE
az ml environment create --name my-env --version 1 --conda-file online/houses/environment/conda.yaml --image mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:latest $SCOPE
echo "model version: $(az ml model show -n my-model -v 1 --query version -o tsv)"
echo "models: $(az ml model list --name my-model --query "[].version" -o tsv)"

az ml online-endpoint create --name $ENDPOINT_NAME -f online/sample/endpoint.yml $SCOPE
az ml online-deployment create --name blue --endpoint $ENDPOINT_NAME -f online/sample/blue-deployment-with-registered-assets.yml --all-traffic $SCOPE
az ml online-endpoint show -n $ENDPOINT_NAME

check Endpoint "$(az ml online-endpoint show --name $ENDPOINT_NAME --query "provisioning_state" -o tsv)"
check Deployment "$(az ml online-deployment show --name blue --endpoint $ENDPOINT_NAME --query "provisioning_state" -o tsv)"
echo "blue gets: $(az ml online-endpoint show -n $ENDPOINT_NAME --query traffic.blue)"
az ml online-endpoint list --query "[].{Name:name,Auth:auth_mode}" -o table

echo "invoked: $(az ml online-endpoint invoke --name $ENDPOINT_NAME --request-file online/houses/sample-request.json)"

ENDPOINT_KEY=$(az ml online-endpoint get-credentials -n $ENDPOINT_NAME -o tsv --query primaryKey)
SCORING_URI=$(az ml online-endpoint show -n $ENDPOINT_NAME -o tsv --query scoring_uri)
echo "called: $(curl --silent --show-error --request POST "$SCORING_URI" --header "Authorization: Bearer $ENDPOINT_KEY" --header 'Content-Type: application/json' --data @online/houses/sample-request.json)"
echo "without a key: $(curl --silent --output /dev/null --write-out '%{http_code}' --request POST "$SCORING_URI" --header 'Content-Type: application/json' --data @online/houses/sample-request.json)"

az ml online-deployment get-logs --name blue --endpoint $ENDPOINT_NAME --lines 20

# A key that was given away is made anew: the other one goes on opening the endpoint.
az ml online-endpoint regenerate-keys --name $ENDPOINT_NAME --key-type primary
echo "with the former key: $(curl --silent --output /dev/null --write-out '%{http_code}' --request POST "$SCORING_URI" --header "Authorization: Bearer $ENDPOINT_KEY" --header 'Content-Type: application/json' --data @online/houses/sample-request.json)"

az ml online-endpoint delete --name $ENDPOINT_NAME --yes --no-wait
for attempt in $(seq 120)
do
  if [[ -z "$(az ml online-endpoint list --query "[?name=='$ENDPOINT_NAME'].name" -o tsv)" ]]
  then
    echo "Endpoint deleted"
    break
  fi
  sleep 1
done
