curl -X POST "http://localhost:8000/api/v1/webhooks/test?webhook_id=wh_123" \
  -H "Authorization: Bearer YOUR_TOKEN"
