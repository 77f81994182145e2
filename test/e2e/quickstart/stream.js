// Connect to predictions stream
const ws = new WebSocket('ws://localhost:8000/ws/predictions/AAPL?token=YOUR_TOKEN');

ws.onopen = () => console.log('Connected!');

ws.onmessage = (event) => {
    const msg = JSON.parse(event.data);
    
    // Respond to heartbeat
    if (msg.type === 'ping') {
        ws.send(JSON.stringify({ type: 'pong' }));
    }
    
    // Handle prediction update
    if (msg.type === 'prediction_update') {
        console.log('New prediction:', msg.data);
    }
};
