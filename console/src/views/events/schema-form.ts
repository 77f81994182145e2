import type { JsonSchema } from '../../api/shapes.ts'
import { words } from '../../format.ts'

/** One field of a form that is made from a JSON Schema of the catalogue. */
export interface SchemaField {
  name: string
  label: string
  kind: 'number' | 'text' | 'choice' | 'yes_no' | 'json'
  required: boolean
  /** At least one of these fields must be filled in, this one among them. */
  oneOf: readonly string[]
  choices: readonly string[]
  hint: string
}

/** Fields in the order of the schema, those that must be there first. */
export function fieldsOf(schema: JsonSchema): SchemaField[] {
  const alternatives = (schema.anyOf ?? []).flatMap(({ required }) => required ?? [])
  const fields = Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const required = schema.required?.includes(name) ?? false
    const oneOf = alternatives.includes(name) && !required ? alternatives : []
    return {
      name,
      label: words(name),
      kind: kindOf(property),
      required,
      oneOf,
      choices: property.enum ?? [],
      hint: hintOf(property, oneOf),
    }
  })
  return [...fields.filter(isNeeded), ...fields.filter((field) => !isNeeded(field))]
}

export interface ReadForm {
  data: Record<string, unknown>
  /** By the name of the field. */
  complaints: Record<string, string>
}

/** What was typed, as the data of an event; what was left empty is left out. The server has the last word. */
export function readForm(schema: JsonSchema, typed: Readonly<Record<string, string>>): ReadForm {
  const read: ReadForm = { data: {}, complaints: {} }
  for (const field of fieldsOf(schema)) {
    const text = (typed[field.name] ?? '').trim()
    if (text === '') {
      const noneGiven = field.oneOf.length > 0 && field.oneOf.every((name) => (typed[name] ?? '').trim() === '')
      if (field.required) read.complaints[field.name] = 'This is required.'
      else if (noneGiven) read.complaints[field.name] = `One of ${field.oneOf.map(words).join(', ')} is required.`
      continue
    }
    const value = readValue(field, schema.properties?.[field.name] ?? {}, text)
    if (typeof value === 'object' && value !== null && 'complaint' in value)
      read.complaints[field.name] = String(value.complaint)
    else read.data[field.name] = value
  }
  return read
}

/** The example of a type as its form shows it. */
export function exampleValues(schema: JsonSchema, example: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.keys(schema.properties ?? {}).flatMap((name) => {
      const value = example[name]
      if (value === undefined || value === null) return []
      return [[name, typeof value === 'object' ? JSON.stringify(value) : String(value)]]
    }),
  )
}

function isNeeded({ required, oneOf }: SchemaField): boolean {
  return required || oneOf.length > 0
}

function kindOf({ type, enum: choices }: JsonSchema): SchemaField['kind'] {
  if (choices) return 'choice'
  if (type === 'number' || type === 'integer') return 'number'
  if (type === 'boolean') return 'yes_no'
  return type === 'string' ? 'text' : 'json'
}

function hintOf({ minimum, maximum, exclusiveMinimum, description }: JsonSchema, oneOf: readonly string[]): string {
  const parts = description === undefined ? [] : [description]
  if (minimum !== undefined && maximum !== undefined) parts.push(`${minimum} to ${maximum}`)
  else if (minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER) parts.push(`at least ${minimum}`)
  if (exclusiveMinimum !== undefined) parts.push(`above ${exclusiveMinimum}`)
  if (oneOf.length > 0) parts.push('one of these is required')
  return parts.join(', ')
}

function readValue(field: SchemaField, schema: JsonSchema, text: string): unknown {
  switch (field.kind) {
    case 'number':
      return readNumber(schema, text)
    case 'yes_no':
      return text === 'true'
    case 'choice':
    case 'text':
      return text
    case 'json':
      try {
        return JSON.parse(text)
      } catch {
        return { complaint: 'This is not JSON.' }
      }
    default:
      return field.kind satisfies never
  }
}

function readNumber({ minimum, maximum, exclusiveMinimum }: JsonSchema, text: string): unknown {
  const value = Number(text)
  if (!Number.isFinite(value)) return { complaint: 'This is not a number.' }
  if (minimum !== undefined && value < minimum) return { complaint: `This must be at least ${minimum}.` }
  if (maximum !== undefined && value > maximum) return { complaint: `This must be at most ${maximum}.` }
  if (exclusiveMinimum !== undefined && value <= exclusiveMinimum)
    return { complaint: `This must be above ${exclusiveMinimum}.` }
  return value
}
