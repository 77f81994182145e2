/**
 * The package of uWebSockets.js has two builds in it: up to Node 21 one of 2024, from Node 22 on one of 2025 whose parser
 * differs.
 */
export const IS_SINCE_22 = Number.parseInt(process.versions.node, 10) >= 22
