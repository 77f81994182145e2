"""A bot that trades on paper: it follows one symbol's predictions and keeps a position, but buys nothing anywhere.

    pip install websockets        (Debian: apt-get install python3-websockets)
    python3 trading_bot.py --symbol AAPL --confidence 0.8 --move 0.05 --token YOUR_TOKEN

The demo feed's baseline forecaster is honest about itself and rarely over 0.6: try --confidence 0.5 with it.
"""

import argparse
import asyncio
import json
import os
import random
import sys
from urllib.parse import quote, urlencode

import websockets

QUANTITY = 100


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default=os.environ.get("ARA_HOST", "localhost:8000"))
    parser.add_argument("--token", default=os.environ.get("ARA_TOKEN"))
    parser.add_argument("--symbol", default="AAPL")
    parser.add_argument("--confidence", type=float, default=0.8, help="act on predictions at least this sure")
    parser.add_argument("--move", type=float, default=0.05, help="and at least this large (0.05 is 5 %%)")
    return parser.parse_args()


def decide(message, position, options):
    """How many shares to buy (or, below zero, sell) on this message."""
    # An old prediction is not a reason to trade now.
    if message.get("snapshot") or message.get("late"):
        return 0
    prediction = message["data"]
    if prediction["confidence"] < options.confidence:
        return 0
    if prediction["predicted_return"] > options.move and position <= 0:
        return QUANTITY
    if prediction["predicted_return"] < -options.move and position >= 0:
        return -QUANTITY
    return 0


async def trade(options):
    query = f"?{urlencode({'token': options.token})}" if options.token else ""
    address = f"ws://{options.host}/ws/predictions/{quote(options.symbol, safe='')}{query}"
    position = 0
    failures = 0
    while True:
        try:
            async with websockets.connect(address) as ws:
                failures = 0
                async for text in ws:
                    message = json.loads(text)
                    if message["type"] == "connected":
                        print(f"watching {options.symbol}", flush=True)
                    elif message["type"] == "ping":
                        await ws.send(json.dumps({"type": "pong"}))
                    elif message["type"] == "prediction_update":
                        shares = decide(message, position, options)
                        position += shares
                        action = f"{'buy' if shares > 0 else 'sell'} {abs(shares)}" if shares else "hold"
                        data = message["data"]
                        forecast = f"{data['predicted_return']:+.2%} at {data['confidence']:.2f}"
                        print(f"{forecast}: {action}, position {position}", flush=True)
        except websockets.ConnectionClosed:
            pass
        except (OSError, asyncio.TimeoutError, websockets.InvalidHandshake) as error:
            # Later and later, at most every half a minute.
            pause = min(30, 2**failures) * random.uniform(0.5, 1)
            failures += 1
            print(f"{options.host} cannot be reached: {error}; again in {pause:.1f} s", file=sys.stderr, flush=True)
            await asyncio.sleep(pause)
            continue
        if 4400 <= (ws.close_code or 0) < 4500:
            return f"refused: {ws.close_code} {ws.close_reason}"
        await asyncio.sleep(random.uniform(0.5, 1.5))


if __name__ == "__main__":
    try:
        raise SystemExit(asyncio.run(trade(parse_arguments())))
    except KeyboardInterrupt:
        pass
