"""Turns alerts into notifications: a webhook receiver that prints what it would mail and text.

    pip install fastapi uvicorn   (Debian: apt-get install python3-fastapi python3-uvicorn)
    WEBHOOK_SECRET=your-secret-key-min-16-chars PORT=3001 python3 notification_service.py

Register http://<this machine>:3001/webhook for ["alert_triggered"] with the same secret.
"""

import hashlib
import hmac
import json
import os
import sys

import uvicorn
from fastapi import BackgroundTasks, FastAPI, HTTPException, Request

SECRET = os.environ.get("WEBHOOK_SECRET", "").encode()
if not SECRET:
    sys.exit("Set WEBHOOK_SECRET to the secret of the webhook.")
MAIL_TO = os.environ.get("MAIL_TO", "trader@example.com")
TEXT_TO = os.environ.get("TEXT_TO", "+1234567890")

app = FastAPI()
notified = set()


@app.post("/webhook")
async def receive(request: Request, later: BackgroundTasks):
    body = await request.body()
    expected = "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    given = request.headers.get("X-Webhook-Signature", "")
    if not hmac.compare_digest(given.encode(), expected.encode()):
        raise HTTPException(status_code=401, detail="Invalid signature")

    event = json.loads(body)
    delivery = request.headers["Idempotency-Key"]
    if event["event_type"] == "alert_triggered" and delivery not in notified:
        notified.add(delivery)
        # Answer first: a slow mail server must not make the delivery time out and come again.
        later.add_task(notify, event["data"])
    return {"status": "received"}


def notify(alert):
    print(f"mail to {MAIL_TO}: Alert: {alert['symbol']}: {alert['message']}", flush=True)
    if alert.get("severity") in ("high", "critical"):
        print(f"text to {TEXT_TO}: {alert['symbol']}: {alert['message']}", flush=True)


if __name__ == "__main__":
    uvicorn.run(app, host=os.environ.get("HOST", "127.0.0.1"), port=int(os.environ.get("PORT", "3001")))
