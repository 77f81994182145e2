/* What the package offers. */

export type { ConnectionState, StateChange, StreamEvents } from './client-events.ts'
export type { Position } from './course.ts'
export type { EventData, EventType, WebhookEvent } from './event-data.ts'
export type * from './server-frames.ts'
export type { SocketClass, SocketLike } from './socket-class.ts'
export { connectStreams, type StreamClient } from './stream-client.ts'
export type { StreamClientOptions } from './stream-client-options.ts'
export type { StreamSubscription, StreamWish } from './stream-wish.ts'
export { type VerifiedWebhook, type VerifyOptions, verifyWebhook, WebhookRefused } from './verify-webhook.ts'
export type { DeliveryWatch, WatchWish } from './watches.ts'
