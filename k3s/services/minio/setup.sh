#!/usr/bin/env bash
# The bucket, and an account that may use it and nothing else. Running it again changes nothing.
set -euo pipefail

client() { mc --config-dir /tmp/mc "$@"; }

mkdir -p /tmp/mc/certs/CAs
cp /etc/authority/ca.crt /tmp/mc/certs/CAs/ca.crt
until client alias set depot https://minio:9000 "$MINIO_ROOT_USER" "$MINIO_ROOT_PASSWORD"; do
  sleep 2
done
client mb --ignore-existing depot/assay
client admin user add depot "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY"
client admin policy create depot assay /etc/setup/policy.json
[[ $(client admin user info depot "$AWS_ACCESS_KEY_ID") == *assay* ]] ||
  client admin policy attach depot assay --user "$AWS_ACCESS_KEY_ID"
