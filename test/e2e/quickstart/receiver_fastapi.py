from fastapi import FastAPI, Request
import hmac
import hashlib
import json

app = FastAPI()

@app.post("/webhook")
async def handle_webhook(request: Request):
    # Get payload
    payload = await request.json()
    signature = request.headers.get("X-Webhook-Signature")
    
    # Verify signature
    secret = "your-secret-key-min-16-chars"
    payload_str = json.dumps(payload, sort_keys=True)
    expected = f"sha256={hmac.new(secret.encode(), payload_str.encode(), hashlib.sha256).hexdigest()}"
    
    if signature != expected:
        return {"error": "Invalid signature"}, 401
    
    # Handle event
    event_type = payload["event_type"]
    data = payload["data"]
    
    if event_type == "prediction_complete":
        print(f"Prediction: {data['symbol']} -> ${data['predicted_price']}")
    
    return {"status": "received"}
