import { readdirSync } from 'node:fs'
import type { Route } from '../../src/http/route.ts'

/** Stands for every dependency: routes only ask it something when they are called. */
const ANYTHING: unknown = new Proxy(() => undefined, {
  get: (_, name) => (name === Symbol.toPrimitive ? () => 0 : ANYTHING),
  apply: () => ANYTHING,
})

/** Every route that a file in `src/http/routes` defines, by its name: `GET /api/v1/webhooks/:id`. */
export async function routeDefinitions(): Promise<Map<string, Route>> {
  const directory = new URL('../../src/http/routes/', import.meta.url)
  const routes = new Map<string, Route>()
  for (const file of readdirSync(directory)) {
    const exported: Record<string, unknown> = await import(new URL(file, directory).href)
    for (const [name, factory] of Object.entries(exported)) {
      if (!name.endsWith('Routes')) continue
      for (const route of (factory as (deps: unknown) => Route[])(ANYTHING)) {
        routes.set(`${route.method.toUpperCase()} ${route.path}`, route)
      }
    }
  }
  return routes
}
