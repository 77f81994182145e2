import type { Registry } from 'prom-client'

/** @returns the sum over all labels of a counter or a gauge of this process, or 0 when it has none of that name */
export async function totalOf(registry: Registry, name: string, suffix = ''): Promise<number> {
  const metric = await registry.getSingleMetric(name)?.get()
  const values = metric?.values ?? []
  return values
    .filter((value) => !('metricName' in value) || value.metricName === `${name}${suffix}`)
    .reduce((sum, { value }) => sum + value, 0)
}
