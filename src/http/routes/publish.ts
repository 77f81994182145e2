import { ApiError, unavailable } from '../../errors.ts'
import { type Intake, TooFarBehind } from '../../streams/intake.ts'
import { Publication, toMessages } from '../../streams/outgoing.ts'
import { BackplaneAway } from '../../streams/publisher.ts'
import type { StreamMetrics } from '../../telemetry/stream-metrics.ts'
import { type Route, route } from '../route.ts'

/** Ephemeral messages: streamed, neither stored nor delivered. */
export function publishRoutes(deps: {
  intake: Intake
  bodyLimit: number
  metrics: Pick<StreamMetrics, 'publicationRefused'>
}): Route[] {
  return [
    route({
      method: 'post',
      path: '/api/v1/publish',
      summary: 'Stream up to 1000 market-data or predictions messages.',
      permission: 'events:publish',
      body: Publication,
      bodyLimit: deps.bodyLimit,
      status: 202,
      async handle({ body }) {
        const messages = toMessages(body, new Date())
        try {
          await deps.intake.publish(messages)
        } catch (error) {
          if (error instanceof TooFarBehind) {
            deps.metrics.publicationRefused('slow_down')
            throw slowDown(error)
          }
          if (!(error instanceof BackplaneAway)) throw error
          deps.metrics.publicationRefused('unavailable')
          throw unavailable(
            'The streams are away. Send it again; in the worst case some of it was published already.',
            2,
            error,
          )
        }
        return { accepted: messages.length }
      },
    }),
  ]
}

function slowDown({ behind, retryAfterMs }: TooFarBehind): ApiError {
  return new ApiError(429, 'slow_down', 'The streams are far behind. Nothing of this was published.', {
    details: { behind, retry_after_ms: retryAfterMs },
    headers: { 'Retry-After': String(Math.ceil(retryAfterMs / 1000)) },
  })
}
