#!/bin/bash
# Operations that a script does not wait for, but asks about.
set -e

export ENDPOINT_NAME=endpt-$RANDOM
state_of() {
  az ml online-deployment show --name $1 --endpoint $ENDPOINT_NAME --query provisioning_state -o tsv
}
wait_for() {
  for attempt in $(seq 240)
  do
    state=$(state_of $1)
    if [[ $state == "Succeeded" || $state == "Failed" ]]
    then
      break
    fi
    sleep 0.5
  done
  echo "$1 is $state"
}

az ml online-endpoint create --name $ENDPOINT_NAME -f online/sample/endpoint.yml
az ml online-deployment create --name blue --endpoint $ENDPOINT_NAME -f online/sample/blue-deployment.yml --no-wait
echo "at once: $(state_of blue)"
wait_for blue

az ml online-endpoint update --name $ENDPOINT_NAME --traffic "blue=100"
echo "blue answers: $(az ml online-endpoint invoke --name $ENDPOINT_NAME --request-file online/model-1/sample-request.json)"

az ml online-endpoint delete --name $ENDPOINT_NAME --yes --no-wait
for attempt in $(seq 240)
do
  if ! az ml online-endpoint show --name $ENDPOINT_NAME > /dev/null 2> /dev/null
  then
    echo "the endpoint is gone"
    exit 0
  fi
  sleep 0.5
done
echo "the endpoint is still there"
exit 1
