#!/usr/bin/env bash
# The grants of a case by curl and jq, one process a call, as scripts of the web do it.
# curl.sh ensure|remove standard|legacy <realm> <grants>, with KEYCLOAK_URL and KEYCLOAK_ADMIN_PASS
set -euo pipefail
what=$1 exchange=$2 realm=$KEYCLOAK_URL/admin/realms/$3 grants=$4
switch=standard.token.exchange.enabled
got=-60

log_in() { # a token lives for 60 seconds
  ((SECONDS - got < 40)) && return
  token=$(curl -sf "$KEYCLOAK_URL/realms/master/protocol/openid-connect/token" -d grant_type=password -d client_id=admin-cli \
    -d username=admin --data-urlencode "password=$KEYCLOAK_ADMIN_PASS" | jq -r .access_token)
  got=$SECONDS
}

ask() { # <method> <path> [<body>]
  log_in
  curl -sf -X "$1" "$realm$2" -H "Authorization: Bearer $token" ${3:+-H "Content-Type: application/json" -d "$3"}
}

client() { ask GET "/clients?clientId=$1" | jq -r '.[0].id'; }

standard() { # <number>
  local source name=audience-target-$1 mapper is_on
  client "target-$1" > /dev/null
  source=$(ask GET "/clients?clientId=source-$1")
  is_on=$(jq -r ".[0].attributes[\"$switch\"] // \"false\"" <<< "$source")
  source=$(jq -r '.[0].id' <<< "$source")
  mapper=$(ask GET "/clients/$source/protocol-mappers/models" | jq -r ".[] | select(.name == \"$name\") | .id")
  if [[ $what == ensure ]]; then
    [[ -n $mapper ]] || ask POST "/clients/$source/protocol-mappers/models" "{\"name\": \"$name\", \"protocol\": \"openid-connect\",
      \"protocolMapper\": \"oidc-audience-mapper\", \"config\": {\"included.client.audience\": \"target-$1\", \"access.token.claim\": \"true\"}}"
    [[ $is_on == true ]] || ask PUT "/clients/$source" "{\"attributes\": {\"$switch\": \"true\"}}"
  else
    [[ -z $mapper ]] || ask DELETE "/clients/$source/protocol-mappers/models/$mapper"
    [[ $is_on != true ]] || ask PUT "/clients/$source" "{\"attributes\": {\"$switch\": \"\"}}"
  fi
}

legacy() { # <number>
  local source target policy permission others
  source=$(client "source-$1")
  target=$(client "target-$1")
  policy=$(ask GET "$server/policy/search?name=grant-$1" | jq -r '.id // empty')
  if [[ $what == ensure ]]; then
    permission=$(ask GET "/clients/$target/management/permissions" | jq -r '.scopePermissions["token-exchange"] // empty')
    [[ -n $permission ]] || permission=$(ask PUT "/clients/$target/management/permissions" '{"enabled": true}' \
      | jq -r '.scopePermissions["token-exchange"]')
    [[ -n $policy ]] || policy=$(ask POST "$server/policy/client" "{\"name\": \"grant-$1\", \"clients\": [\"$source\"]}" | jq -r .id)
    others=$(ask GET "$server/permission/scope/$permission/associatedPolicies" | jq -c 'map(.id)')
    jq -e --arg policy "$policy" 'index($policy)' <<< "$others" > /dev/null || ask PUT "$server/permission/scope/$permission" \
      "{\"name\": \"token-exchange.permission.client.$target\", \"type\": \"scope\", \"decisionStrategy\": \"AFFIRMATIVE\",
        \"policies\": $(jq -c --arg policy "$policy" '. + [$policy]' <<< "$others")}"
  else
    [[ -z $policy ]] || ask DELETE "$server/policy/client/$policy"
    ask PUT "/clients/$target/management/permissions" '{"enabled": false}'
  fi
}

log_in # once here: a function in $(…) has a shell of its own and forgets its token
[[ $exchange == standard ]] || server=/clients/$(client realm-management)/authz/resource-server
for ((number = 0; number < grants; number++)); do
  log_in
  "$exchange" "$number" > /dev/null
done
