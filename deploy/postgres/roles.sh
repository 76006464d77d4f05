#!/bin/bash
# Runs roles.sql in a new PostgreSQL container and gives every role the password in the file of its
# name. The container may run it or read it in: hence the parentheses.
(
  set -euo pipefail
  password() {
    cat "/run/secrets/postgres/$1"
  }
  {
    for service in accounts agents crm llm jobs; do
      echo "ALTER ROLE t11_$service PASSWORD '$(password "$service")';"
    done
  } | psql --no-psqlrc --quiet --single-transaction --set ON_ERROR_STOP=1 \
    --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
    --set migrator_password="$(password migrator)" --set service_password="$(password superuser)" \
    --file /etc/t11/roles.sql --file -
)
