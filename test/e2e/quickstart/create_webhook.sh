curl -X POST "http://localhost:8000/api/v1/webhooks" \
  -H "Authorization: Bearer YOUR_TOKEN" \
  -H "Content-Type: application/json" \
  -d '{
    "url": "https://your-domain.com/webhook",
    "events": ["prediction_complete", "model_trained"],
    "secret": "your-secret-key-min-16-chars",
    "description": "My webhook"
  }'
