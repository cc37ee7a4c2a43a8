#!/bin/bash
# An endpoint on this machine alone, before anything is deployed to Azure.
set -e

export ENDPOINT_NAME=endpt-$RANDOM

az ml online-endpoint create --local -n $ENDPOINT_NAME -f online/sample/endpoint.yml
az ml online-deployment create --local -n blue --endpoint $ENDPOINT_NAME -f online/sample/blue-deployment.yml
az ml online-endpoint show -n $ENDPOINT_NAME --local

endpoint_status=`az ml online-endpoint show --local --name $ENDPOINT_NAME --query "provisioning_state" -o tsv`
echo $endpoint_status
if [[ $endpoint_status == "Succeeded" ]]
then
  echo "Endpoint created successfully"
else
  echo "Endpoint creation failed"
  exit 1
fi

deploy_status=`az ml online-deployment show --local --name blue --endpoint $ENDPOINT_NAME --query "provisioning_state" -o tsv`
echo $deploy_status
if [[ $deploy_status == "Succeeded" ]]
then
  echo "Deployment completed successfully"
else
  echo "Deployment failed"
  exit 1
fi

echo "invoked: $(az ml online-endpoint invoke --local --name $ENDPOINT_NAME --request-file online/model-1/sample-request.json)"

# A local endpoint asks for no key.
SCORING_URI=$(az ml online-endpoint show --local -n $ENDPOINT_NAME -o tsv --query scoring_uri)
echo "called: $(curl --silent --show-error --request POST "$SCORING_URI" --header 'Content-Type: application/json' --data @online/model-1/sample-request.json)"

az ml online-deployment get-logs --local -n blue --endpoint $ENDPOINT_NAME

az ml online-endpoint delete --local --name $ENDPOINT_NAME --yes
echo "left: $(az ml online-endpoint list --local --query "length(@)")"
