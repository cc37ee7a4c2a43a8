#!/bin/bash
# Scripts that say what they take and give, and the OpenAPI document that is made of it.
set -e

RAND=$RANDOM
ENDPOINT_NAME="endpt-moe-$RAND"
BASE_PATH=online/inference-schema

az ml online-endpoint create -n $ENDPOINT_NAME

endpoint_status=`az ml online-endpoint show --name $ENDPOINT_NAME --query "provisioning_state" -o tsv `
endpoint_status="${endpoint_status##*.}"
if [[ "${endpoint_status^^}" == "SUCCEEDED" ]]
then
  echo "Endpoint created successfully"
else
  echo "Endpoint creation failed"
  exit 1
fi

az ml model create -f $BASE_PATH/model.yml --set version=$RAND

KEY=$(az ml online-endpoint get-credentials -n $ENDPOINT_NAME --query primaryKey -o tsv )
SCORING_URL=$(az ml online-endpoint show -n $ENDPOINT_NAME --query scoring_uri -o tsv )
SWAGGER_URL=$(az ml online-endpoint show -n $ENDPOINT_NAME --query openapi_uri -o tsv )

for KIND in standard numpy pandas
do
  az ml online-deployment create -f $BASE_PATH/deployment-$KIND.yml \
    --set model="azureml:infschema:$RAND" \
    --set endpoint_name=$ENDPOINT_NAME \
    --all-traffic

  deploy_status=`az ml online-deployment show --name infsrv-$KIND --endpoint $ENDPOINT_NAME --query "provisioning_state" -o tsv `
  if [[ $deploy_status != "Succeeded" ]]
  then
    echo "Deployment failed"
    exit 1
  fi

  echo "$KIND: $(curl --silent --show-error -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" -d @$BASE_PATH/sample-inputs/$KIND.json $SCORING_URL)"
  echo "$KIND takes: $(curl --silent --show-error -H "Authorization: Bearer $KEY" $SWAGGER_URL | jq -c '.definitions.ServiceInput.properties | keys')"
done

az ml online-endpoint delete -y -n $ENDPOINT_NAME --no-wait
