"""Publishes one prediction as an event (stored, streamed, delivered to webhooks) and prints the answer. It needs no package.

    ARA_TOKEN=<a token with the role producer or admin> python3 producer.py AAPL 187.5 180 0.7
                                                       symbol, predicted price, current price, confidence

The idempotency key is made once and goes with every repeat, so a lost answer never makes a second event.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid

URL = os.environ.get("ARA_URL", "http://localhost:8000")
TOKEN = os.environ.get("ARA_TOKEN")
if not TOKEN:
    sys.exit("Set ARA_TOKEN to a token that may publish.")
TRIES = 6


def publish(event, key):
    request = urllib.request.Request(
        f"{URL}/api/v1/events",
        data=json.dumps(event).encode(),
        headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json", "Idempotency-Key": key},
    )
    for attempt in range(TRIES):
        pause = 0.25 * 2**attempt
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code != 429:
                raise SystemExit(f"{error.code} {error.read().decode()}")
            pause = max(pause, float(error.headers.get("Retry-After", 0)))
            reason = error.code
        except (urllib.error.URLError, TimeoutError) as error:
            reason = error
        print(f"{reason}, trying again", file=sys.stderr)
        time.sleep(pause)
    raise SystemExit(f"Given up after {TRIES} attempts.")


if __name__ == "__main__":
    symbol, predicted, current, confidence = (sys.argv[1:] + ["AAPL", "187.5", "180", "0.7"][len(sys.argv) - 1 :])[:4]
    data = {
        "symbol": symbol,
        "predicted_price": float(predicted),
        "current_price": float(current),
        "confidence": float(confidence),
        "model_version": "example-producer",
    }
    print(json.dumps(publish({"event_type": "prediction_complete", "data": data}, str(uuid.uuid4())), indent=2))
