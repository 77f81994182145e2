import asyncio
import websockets
import json

async def connect():
    uri = "ws://localhost:8000/ws/predictions/AAPL?token=YOUR_TOKEN"
    
    async with websockets.connect(uri) as ws:
        async for message in ws:
            data = json.loads(message)
            
            if data['type'] == 'ping':
                await ws.send(json.dumps({'type': 'pong'}))
            elif data['type'] == 'prediction_update':
                print('Prediction:', data['data'])

asyncio.run(connect())
