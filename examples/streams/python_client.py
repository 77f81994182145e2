"""Prints what one stream carries, and comes back when the connection is lost.

    pip install websockets        (Debian: apt-get install python3-websockets)
    python3 python_client.py --channel predictions --symbol AAPL --token YOUR_TOKEN

The host and the token may also come from ARA_HOST and ARA_TOKEN. The embedded mode needs no token.
"""

import argparse
import asyncio
import json
import os
import random
import sys
from urllib.parse import quote, urlencode

import websockets

UPDATES = {"prediction_update", "market_data_update", "alert"}


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default=os.environ.get("ARA_HOST", "localhost:8000"))
    parser.add_argument("--token", default=os.environ.get("ARA_TOKEN"))
    parser.add_argument("--channel", default="predictions", choices=["predictions", "market-data", "alerts"])
    parser.add_argument("--symbol", default="AAPL", help="left out on alerts")
    parser.add_argument("--count", type=int, help="end after so many updates")
    return parser.parse_args()


def address(options):
    symbol = "" if options.channel == "alerts" else f"/{quote(options.symbol, safe='')}"
    query = f"?{urlencode({'token': options.token})}" if options.token else ""
    return f"ws://{options.host}/ws/{options.channel}{symbol}{query}"


async def watch(options):
    seen = 0
    failures = 0
    while True:
        try:
            async with websockets.connect(address(options)) as ws:
                failures = 0
                async for text in ws:
                    message = json.loads(text)
                    if message["type"] == "connected":
                        print(f"connected to {message['channel']}", flush=True)
                    elif message["type"] == "ping":
                        await ws.send(json.dumps({"type": "pong"}))
                    elif message["type"] in UPDATES:
                        print(message["timestamp"], json.dumps(message["data"]), flush=True)
                        seen += 1
                        if seen == options.count:
                            return 0
        except websockets.ConnectionClosed:
            pass
        except (OSError, asyncio.TimeoutError, websockets.InvalidHandshake) as error:
            # Later and later, at most every half a minute.
            pause = min(30, 2**failures) * random.uniform(0.5, 1)
            failures += 1
            print(f"{options.host} cannot be reached: {error}; again in {pause:.1f} s", file=sys.stderr, flush=True)
            await asyncio.sleep(pause)
            continue
        print("closed", ws.close_code, ws.close_reason, flush=True)
        # 44xx: the same request would be refused again; 4401 is the token.
        if 4400 <= (ws.close_code or 0) < 4500:
            return 1
        await asyncio.sleep(random.uniform(0.5, 1.5))


if __name__ == "__main__":
    try:
        raise SystemExit(asyncio.run(watch(parse_arguments())))
    except KeyboardInterrupt:
        pass
