#!/bin/sh
# Prints the Secrets of deploy/k8s, from the folder that deploy/secrets.sh filled:
#
#   deploy/k8s/secrets.sh FOLDER | kubectl apply --server-side --filename -
#
# NAMESPACE  default: t11
set -eu

folder=${1:?"usage: deploy/k8s/secrets.sh FOLDER"}

secret() {
  kind=$1
  name=$2
  shift 2
  echo ---
  kubectl create secret "$kind" "$name" --namespace "${NAMESPACE:-t11}" --dry-run=client --output yaml "$@"
}

secret generic t11-keys --from-file=encryption-key="$folder/encryption-key" \
  --from-file=keyring="$folder/keyring" --from-file=jwks="$folder/jwks"
for service in accounts agents crm edge jobs llm; do
  secret generic "t11-signing-key-$service" --from-file=signing-key="$folder/signing-key-$service"
done
secret generic t11-redis --from-file=redis-url="$folder/redis-url"
secret generic t11-openrouter --from-file=api-key="$folder/openrouter-key"
secret generic t11-kommo --from-file=webhook-secret="$folder/kommo-webhook-secret"
for role in migrator accounts agents crm llm jobs; do
  secret generic "t11-database-$role" --from-file=url="$folder/database-url-$role"
done
secret tls envoy-front-tls --cert="$folder/tls.crt" --key="$folder/tls.key"

# For the PostgreSQL of the overlay `trial` alone.
secret generic t11-postgres-passwords --from-file=superuser="$folder/password-superuser" \
  --from-file=migrator="$folder/password-migrator" --from-file=accounts="$folder/password-accounts" \
  --from-file=agents="$folder/password-agents" --from-file=crm="$folder/password-crm" \
  --from-file=llm="$folder/password-llm" --from-file=jobs="$folder/password-jobs"

# For a bucket, with the two files made by hand. They become variables, so no line end may be in them.
if [ -e "$folder/assets-access-key-id" ]; then
  secret generic t11-assets --from-literal=access-key-id="$(cat "$folder/assets-access-key-id")" \
    --from-literal=secret-access-key="$(cat "$folder/assets-secret-access-key")"
fi
