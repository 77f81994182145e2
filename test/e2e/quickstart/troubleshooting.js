ws.onerror = (error) => {
    console.error('WebSocket error:', error);
};

ws.onclose = (event) => {
    console.log('Close code:', event.code);
    console.log('Close reason:', event.reason);
};
