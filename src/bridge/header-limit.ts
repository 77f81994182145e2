/** As large as Node's own limit: a bearer token alone may have 8 KiB. */
export const MAX_HEAD_BYTES = 16_384

// uWebSockets.js reads this when it is loaded, and heeds it only for a head that comes in several packets.
process.env['UWS_HTTP_MAX_HEADERS_SIZE'] = String(MAX_HEAD_BYTES)
