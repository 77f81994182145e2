"""A receiver that verifies Standard Webhooks by hand, with nothing but what comes with Python.

    WEBHOOK_SECRET=your-secret-key-min-16-chars PORT=3000 python3 standard_webhooks.py

Register http://<this machine>:3000/webhook with the same secret, or with whsec_... as it was made for the webhook. With the
library (pip install standardwebhooks) `verify` becomes: Webhook(SECRET).verify(body, headers), for secrets of the form whsec_...
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = os.environ.get("WEBHOOK_SECRET", "")
if not SECRET:
    sys.exit("Set WEBHOOK_SECRET to the secret of the webhook.")
# whsec_ stands for the bytes that follow in base64, any other secret for its own.
KEY = base64.b64decode(SECRET[6:]) if SECRET.startswith("whsec_") else SECRET.encode()
TOLERANCE_SECONDS = 300
LIMIT = 256 * 1024

# A delivery may come twice (an answer was lost): its id is the same on every attempt. Use your database here.
handled = set()


def verify(body, headers):
    """Whether any of the signatures is right and fresh: while a secret is replaced there are two."""
    delivery, seconds = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (seconds.isascii() and seconds.isdigit()) or abs(time.time() - int(seconds)) > TOLERANCE_SECONDS:
        return False
    signed = f"{delivery}.{seconds}.".encode() + body
    expected = b"v1," + base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest())
    given = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(one.encode(), expected) for one in given)


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        size = int(self.headers.get("Content-Length", 0))
        if size > LIMIT:
            return self.answer(413, {"error": "too large"})
        body = self.rfile.read(size)
        if not verify(body, self.headers):
            return self.answer(401, {"error": "invalid signature"})
        delivery = self.headers["webhook-id"]
        if delivery not in handled:
            handled.add(delivery)
            event = json.loads(body)
            print(event["event_type"], json.dumps(event["data"]), flush=True)
        self.answer(200, {"status": "received"})

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    address = (os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "3000")))
    ThreadingHTTPServer(address, Receiver).serve_forever()
