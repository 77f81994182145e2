/**
 * The text of `data` in an event's canonical text, which begins with `{"data": ` (keys are sorted) and has a fixed shape after
 * it. Who shows an event shows this: parsed and printed anew, whole numbers beyond 2^53 would lose their last digits.
 */
export function canonicalData(canonical: string): string {
  return canonical.slice('{"data": '.length, canonical.lastIndexOf(', "event_id": "evt_'))
}
