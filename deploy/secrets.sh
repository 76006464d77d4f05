#!/bin/sh
# Makes every secret a new installation needs, as files of a new folder: for deploy/compose, and for
# deploy/k8s/secrets.sh.
#
#   deploy/secrets.sh FOLDER
#
# T11            how to run the program that makes keys; default: the image `t11` in Docker
# DATABASE_HOST  where PostgreSQL is, with port if it is not 5432; default: postgres
# DATABASE_OPTIONS  what follows the database's name in its address: ?sslmode=verify-full
# REDIS_URL      default: redis://redis:6379
# HOST           whose name the certificate bears; default: localhost
set -eu
umask 077

folder=${1:?"usage: deploy/secrets.sh FOLDER"}
t11=${T11:-"docker run --rm t11"}
host=${HOST:-localhost}

mkdir "$folder"
cd "$folder"

# Words are wanted: `docker run --rm t11` is a command with arguments.
# shellcheck disable=SC2086
$t11 keys generate --by-service > keys.env
sed -n 's/^ENCRYPTION_KEY=//p' keys.env > encryption-key
for service in accounts agents crm edge jobs llm; do
  name=$(echo "$service" | tr '[:lower:]' '[:upper:]')
  sed -n "s/^T11_SIGNING_KEY_$name=//p" keys.env > "signing-key-$service"
done
sed -n 's/^T11_JWKS=//p' keys.env > jwks
rm keys.env
# Keys of before, of which a new installation has none; and no key means the demo model.
: > keyring
: > openrouter-key
openssl rand -base64 32 > kommo-webhook-secret

for role in superuser migrator accounts agents crm llm jobs; do
  openssl rand -hex 24 > "password-$role"
done
for role in migrator accounts agents crm llm jobs; do
  echo "postgres://t11_$role:$(cat "password-$role")@${DATABASE_HOST:-postgres}/t11${DATABASE_OPTIONS:-}" \
    > "database-url-$role"
done
echo "${REDIS_URL:-redis://redis:6379}" > redis-url

# Signed by nobody: replace it with one that browsers believe.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 \
  -subj "/CN=$host" -addext "subjectAltName=DNS:$host" -keyout tls.key -out tls.crt 2> openssl.log ||
  { cat openssl.log >&2; exit 1; }
rm openssl.log

# Containers read them as users of their own. The folder keeps everybody else out.
chmod 444 ./*
echo "secrets are in $folder" >&2
