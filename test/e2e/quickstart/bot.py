import asyncio
import websockets
import json

async def trading_bot():
    uri = "ws://localhost:8000/ws/predictions/AAPL?token=YOUR_TOKEN"
    
    async with websockets.connect(uri) as ws:
        async for message in ws:
            data = json.loads(message)
            
            if data['type'] == 'prediction_update':
                prediction = data['data']
                
                # Trading logic
                if prediction['confidence'] > 0.8:
                    if prediction['predicted_return'] > 0.05:
                        execute_buy_order('AAPL', quantity=100)
                    elif prediction['predicted_return'] < -0.05:
                        execute_sell_order('AAPL', quantity=100)

asyncio.run(trading_bot())
