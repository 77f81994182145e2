from fastapi import FastAPI, Request

app = FastAPI()

@app.post("/webhook")
async def handle_webhook(request: Request):
    payload = await request.json()
    
    if payload["event_type"] == "alert_triggered":
        alert = payload["data"]
        
        # Send email notification
        send_email(
            to="trader@example.com",
            subject=f"Alert: {alert['symbol']}",
            body=alert['message']
        )
        
        # Send SMS
        send_sms(
            to="+1234567890",
            message=f"{alert['symbol']}: {alert['message']}"
        )
    
    return {"status": "received"}
