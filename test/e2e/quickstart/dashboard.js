// Connect to multiple streams
const predictionWs = new WebSocket('ws://localhost:8000/ws/predictions/AAPL');
const marketWs = new WebSocket('ws://localhost:8000/ws/market-data/AAPL');
const alertsWs = new WebSocket('ws://localhost:8000/ws/alerts');

// Update dashboard on prediction
predictionWs.onmessage = (event) => {
    const msg = JSON.parse(event.data);
    if (msg.type === 'prediction_update') {
        updatePredictionChart(msg.data);
    }
};

// Update price on market data
marketWs.onmessage = (event) => {
    const msg = JSON.parse(event.data);
    if (msg.type === 'market_data_update') {
        updatePriceDisplay(msg.data);
    }
};

// Show alerts
alertsWs.onmessage = (event) => {
    const msg = JSON.parse(event.data);
    if (msg.type === 'alert') {
        showNotification(msg.data);
    }
};
