import { unavailable } from '../../errors.ts'
import { Publication, toMessages } from '../../streams/outgoing.ts'
import { BackplaneAway, type Publisher } from '../../streams/publisher.ts'
import { type Route, route } from '../route.ts'

/** Ephemeral messages: streamed, neither stored nor delivered. */
export function publishRoutes(deps: { publisher: Publisher; bodyLimit: number }): Route[] {
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
          await deps.publisher.publish(messages)
        } catch (error) {
          if (error instanceof BackplaneAway)
            throw unavailable('The streams are not available. Nothing is kept.', 2, error)
          throw error
        }
        return { accepted: messages.length }
      },
    }),
  ]
}
