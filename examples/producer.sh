#!/bin/sh
# Publishes one prediction as an event (stored, streamed, delivered to webhooks) with curl, and prints the answer.
#
#   ARA_TOKEN=<a token with the role producer or admin> sh producer.sh AAPL 187.5 180 0.7
#                                                      symbol, predicted price, current price, confidence
#
# The idempotency key is made once and goes with every repeat (curl repeats on 429, 500, 502, 503 and 504 and when nobody answers,
# and waits as long as Retry-After says), so a lost answer never makes a second event.
set -eu

: "${ARA_TOKEN:?Set ARA_TOKEN to a token that may publish.}"
url=${ARA_URL:-http://localhost:8000}
key=${IDEMPOTENCY_KEY:-producer-sh-$$-$(date +%s)}

curl --silent --show-error --fail-with-body --retry 5 --retry-connrefused --max-time 60 \
  "$url/api/v1/events" \
  --header "Authorization: Bearer $ARA_TOKEN" \
  --header "Content-Type: application/json" \
  --header "Idempotency-Key: $key" \
  --data "{
    \"event_type\": \"prediction_complete\",
    \"data\": {\"symbol\": \"${1:-AAPL}\", \"predicted_price\": ${2:-187.5}, \"current_price\": ${3:-180},
             \"confidence\": ${4:-0.7}, \"model_version\": \"example-producer\"}
  }"
echo
