import type { z } from 'zod'
import type { Complaint } from './errors.ts'

type Issue = z.core.$ZodRawIssue
type IssueOf<Code> = Extract<z.core.$ZodIssue, { code: Code }>

/** What `safeParse` is given so that its messages are for people. A schema's own message goes first. */
export const PLAIN = { error: reasonOf }

/** What is wrong, each with its path and unknown fields one by one. @param place what stands before the paths */
export function complaintsOf(error: z.core.$ZodError, place: readonly string[] = [], unknown = 'field'): Complaint[] {
  return error.issues.flatMap((issue): Complaint[] => {
    const path = [...place, ...issue.path].filter((part) => part !== '')
    if (issue.code !== 'unrecognized_keys') return [{ path: path.join('.'), reason: issue.message }]
    return issue.keys.map((key) => ({ path: [...path, key].join('.'), reason: `is not a known ${unknown}` }))
  })
}

const KINDS: Record<string, string> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'null',
}

function reasonOf(raw: Issue): string {
  const issue = raw as z.core.$ZodIssue
  const isChoice = issue.code === 'invalid_type' || issue.code === 'invalid_value' || issue.code === 'invalid_union'
  if (isChoice && raw.input === undefined) return 'is required'
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${KINDS[issue.expected] ?? `of the type ${issue.expected}`}`
    case 'invalid_value':
      return `must be ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.join(', ')}`
    case 'too_small':
      return boundary(issue.origin, 'at least', Number(issue.minimum), issue.inclusive !== false)
    case 'too_big':
      return boundary(issue.origin, 'at most', Number(issue.maximum), issue.inclusive !== false)
    case 'invalid_format':
      return formOf(issue)
    case 'unrecognized_keys':
      return `has unknown fields: ${issue.keys.join(', ')}`
    case 'invalid_union':
      return 'discriminator' in issue ? 'is not known' : 'is not valid'
    default:
      return 'is not valid'
  }
}

function boundary(origin: string, word: 'at least' | 'at most', limit: number, inclusive: boolean): string {
  if (origin === 'string') {
    if (word === 'at least' && limit === 1) return 'must not be empty'
    return `must have ${word} ${limit} character${limit === 1 ? '' : 's'}`
  }
  if (origin === 'array') return `must have ${word} ${limit === 1 ? 'one entry' : `${limit} entries`}`
  if (inclusive) return `must be ${word} ${limit}`
  return `must be ${word === 'at least' ? 'over' : 'under'} ${limit}`
}

function formOf({ format }: IssueOf<'invalid_format'>): string {
  if (format === 'datetime') return 'must be a time such as 2026-11-23T12:00:00Z'
  if (format === 'date') return 'must be a date such as 2026-11-23'
  return 'is not of the right form'
}
