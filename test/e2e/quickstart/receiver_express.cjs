const express = require('express');
const crypto = require('crypto');

const app = express();
app.use(express.json());

app.post('/webhook', (req, res) => {
    const payload = req.body;
    const signature = req.headers['x-webhook-signature'];
    
    // Verify signature
    const secret = 'your-secret-key-min-16-chars';
    const payloadStr = JSON.stringify(payload, Object.keys(payload).sort());
    const expected = `sha256=${crypto.createHmac('sha256', secret).update(payloadStr).digest('hex')}`;
    
    if (signature !== expected) {
        return res.status(401).json({ error: 'Invalid signature' });
    }
    
    // Handle event
    const { event_type, data } = payload;
    
    if (event_type === 'prediction_complete') {
        console.log(`Prediction: ${data.symbol} -> $${data.predicted_price}`);
    }
    
    res.json({ status: 'received' });
});

app.listen(3000);
