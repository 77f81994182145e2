import { SIGNATURE_STYLES } from '../../webhooks/webhook.ts'
import type { GivenOptions, Option } from '../command.ts'
import { UsageError } from '../failures.ts'

const STYLES = SIGNATURE_STYLES.join(' or ')

/** What a webhook is made with, and what may be changed of it. */
export const FIELD_OPTIONS: Readonly<Record<string, Option>> = {
  events: { kind: 'list', value: 'types', about: 'event types, with commas; * is all' },
  symbols: { kind: 'list', value: 'symbols', about: 'only events of these symbols, with commas' },
  description: { kind: 'text', value: 'text', about: 'for people' },
  header: { kind: 'list', value: "'Name: value'", about: 'sent with every request; may be repeated' },
  'signature-style': { kind: 'text', value: 'style', about: `${STYLES} (for the quick start's Express receiver)` },
  'max-attempts': { kind: 'text', value: 'n', about: 'how often a delivery is tried, 1 to 20' },
}

/** The fields that were given, as the API names them. */
export function readFields(options: GivenOptions): Record<string, unknown> {
  const headers = options.each('header')
  const fields = {
    events: options.list('events'),
    symbols: options.list('symbols'),
    description: options.raw('description'),
    headers: headers.length === 0 ? undefined : Object.fromEntries(headers.map(readHeader)),
    signature_style: options.oneOf('signature-style', SIGNATURE_STYLES),
    max_attempts: options.number('max-attempts', 1, 20),
  }
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

function readHeader(text: string): [name: string, value: string] {
  const [, name, value] = /^([^:\s]+):\s*(.+)$/.exec(text) ?? []
  if (name === undefined || value === undefined)
    throw new UsageError(`--header must be like 'Name: value', unlike "${text}".`)
  return [name, value]
}
