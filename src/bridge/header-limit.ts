/** uWebSockets.js reads this when it is loaded. As large as Node's own limit: a bearer token alone may have 8 KiB. */
process.env['UWS_HTTP_MAX_HEADERS_SIZE'] ??= '16384'
