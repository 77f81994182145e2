"""A FastAPI receiver that verifies the raw body and refuses with a real 401.

    pip install fastapi uvicorn   (Debian: apt-get install python3-fastapi python3-uvicorn)
    WEBHOOK_SECRET=your-secret-key-min-16-chars PORT=3000 python3 fastapi_receiver.py

Register http://<this machine>:3000/webhook with the same secret.
"""

import hashlib
import hmac
import json
import os
import sys

import uvicorn
from fastapi import FastAPI, HTTPException, Request

SECRET = os.environ.get("WEBHOOK_SECRET", "").encode()
if not SECRET:
    sys.exit("Set WEBHOOK_SECRET to the secret of the webhook.")

app = FastAPI()
# A delivery may come twice (an answer was lost): its id is the same on every attempt. Use your database here.
handled = set()


@app.post("/webhook")
async def receive(request: Request):
    body = await request.body()
    expected = "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    given = request.headers.get("X-Webhook-Signature", "")
    if not hmac.compare_digest(given.encode(), expected.encode()):
        raise HTTPException(status_code=401, detail="Invalid signature")

    delivery = request.headers["Idempotency-Key"]
    if delivery not in handled:
        handled.add(delivery)
        event = json.loads(body)
        print(event["event_type"], json.dumps(event["data"]), flush=True)
    return {"status": "received"}


if __name__ == "__main__":
    uvicorn.run(app, host=os.environ.get("HOST", "127.0.0.1"), port=int(os.environ.get("PORT", "3000")))
