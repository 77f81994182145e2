import { createHash } from 'node:crypto'
import { STYLE } from './reference-style.ts'

/*
 * `/docs`: the documents as one page, made here as text. It needs no script and nothing from elsewhere, and its policy lets it have
 * neither.
 */

type Json = Record<string, unknown>

interface Operation {
  operationId: string
  tags: string[]
  summary: string
  'x-permission'?: string
  parameters: { name: string; in: string; required: boolean; description?: string; schema: Json; example?: unknown }[]
  requestBody?: { content: Record<string, { schema: Json; example?: unknown }> }
  responses: Record<string, { description: string; content?: Record<string, Json> }>
}

interface Channel {
  address: string
  description?: string
  messages: Record<string, unknown>
}

export const REFERENCE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** @param openApi, asyncApi the documents as their routes answer them */
export function referencePage(openApi: Json, asyncApi: Json): string {
  const paths = openApi['paths'] as Record<string, Record<string, Operation>>
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )
  const tags = (openApi['tags'] as { name: string }[]).map(({ name }) => name)
  const received = Object.values(openApi['webhooks'] as Record<string, { post: Operation }>)
  const info = openApi['info'] as { title: string; version: string }
  const byTag = tags.map((tag) => ({ tag, of: operations.filter(({ operation }) => operation.tags.includes(tag)) }))
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${quoted(info.title)} ${quoted(info.version)}: reference</title><style>${STYLE}</style></head>
<body><a class="skip" href="#content">Skip to the content</a>
<nav aria-label="Sections"><p class="brand">${quoted(info.title)} <span>${quoted(info.version)}</span></p>
${byTag.map(({ tag, of }) => `<p>${tag}</p><ul>${of.map(navItem).join('')}</ul>`).join('')}
<p>Received by webhooks</p><ul>${received.map(({ post }) => `<li><a href="#${post.operationId}">${quoted(eventOf(post))}</a></li>`).join('')}</ul>
<p><a href="#streams">Streams</a></p><p><a href="#shapes">Shapes</a></p></nav>
<main id="content"><h1>Reference</h1>
<p>For programs: <a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1) and <a href="/asyncapi.json">/asyncapi.json</a> (AsyncAPI 3).
Say who you are with <code>Authorization: Bearer &lt;token&gt;</code> or <code>X-API-Key</code>.</p>
${byTag.map(({ tag, of }) => `<h2>${tag}</h2>${of.map(section).join('')}`).join('')}
<h2>Received by webhooks</h2>${received.map(({ post }) => receivedSection(post)).join('')}
${streams(asyncApi)}
<h2 id="shapes">Shapes</h2>${Object.entries((openApi['components'] as { schemas: Json }).schemas)
    .map(shape)
    .join('')}
</main></body></html>`
}

interface Placed {
  path: string
  method: string
  operation: Operation
}

function navItem({ path, method, operation }: Placed): string {
  const shown = path.replace('/api/v1', '')
  return `<li><a href="#${operation.operationId}"><b class="${method}">${method}</b> ${quoted(shown)}</a></li>`
}

function section({ path, method, operation }: Placed): string {
  const permission = operation['x-permission']
  return `<section id="${operation.operationId}"><h3><b class="${method}">${method}</b> <code>${quoted(path)}</code></h3>
<p>${prose(operation.summary)}</p>${permission ? `<p class="quiet">Needs <code>${quoted(permission)}</code>.</p>` : ''}
${parameters(operation)}${requestBodies(operation)}${answers(operation)}</section>`
}

function receivedSection(operation: Operation): string {
  return `<section id="${operation.operationId}"><h3><code>${quoted(eventOf(operation))}</code></h3>
<p>${prose(operation.summary)}</p>${parameters(operation)}${requestBodies(operation)}</section>`
}

function eventOf(operation: Operation): string {
  return String(operation.parameters.find(({ name }) => name === 'X-Webhook-Event')?.example ?? operation.operationId)
}

function parameters({ parameters }: Operation): string {
  if (parameters.length === 0) return ''
  const rows = parameters.map(
    ({ name, in: place, required, description, schema, example }) =>
      `<tr><td><code>${quoted(name)}</code></td><td>${place}${required ? '' : ', optional'}</td><td>${prose(description ?? '')} ${quoted(summaryOf(schema))}${example === undefined ? '' : ` <code>${quoted(String(example))}</code>`}</td></tr>`,
  )
  return `<div class="wide"><table><thead><tr><th scope="col">Parameter</th><th scope="col">In</th><th scope="col"></th></tr></thead><tbody>${rows.join('')}</tbody></table></div>`
}

function requestBodies({ requestBody }: Operation): string {
  return Object.entries(requestBody?.content ?? {})
    .map(
      ([type, { schema, example }]) =>
        `<h4>Body <span>${quoted(type)}</span></h4>${example === undefined ? '' : code(example)}${folded('Schema', schema)}`,
    )
    .join('')
}

function answers({ responses }: Operation): string {
  const rows = Object.entries(responses).map(([status, { description, content }]) => {
    const [first] = Object.entries(content ?? {})
    const example = first?.[1]['example']
    const schema = first?.[1]['schema']
    const shown = example === undefined ? '' : folded('Example', example)
    return `<tr><td><code>${status}</code></td><td>${prose(description)} ${Number(status) < 400 ? `${shown}${schema ? folded('Schema', schema) : ''}` : ''}</td></tr>`
  })
  return `<h4>Answers</h4><div class="wide"><table><tbody>${rows.join('')}</tbody></table></div>`
}

function streams(asyncApi: Json): string {
  const channels = Object.values(asyncApi['channels'] as Record<string, Channel>)
  const messages = (asyncApi['components'] as { messages: Record<string, Json> }).messages
  const list = channels.map(
    ({ address, messages: named }) =>
      `<section><h3><code>${quoted(address)}</code></h3><p>${Object.keys(named)
        .map((name) => `<a href="#message-${quoted(name)}"><code>${quoted(name)}</code></a>`)
        .join(' ')}</p></section>`,
  )
  const all = Object.entries(messages).map(
    ([name, message]) =>
      `<section id="message-${quoted(name)}"><h3><code>${quoted(name)}</code></h3><p>${prose(String(message['summary'] ?? message['description'] ?? ''))}</p>${(
        (message['examples'] as { payload: unknown }[] | undefined) ?? []
      )
        .map(({ payload }) => code(payload))
        .join('')}</section>`,
  )
  return `<h2 id="streams">Streams</h2>${list.join('')}<h2>Messages of the streams</h2>${all.join('')}`
}

function shape([name, schema]: [string, unknown]): string {
  return `<section id="shape-${name}"><h3><code>${name}</code></h3>${folded('Schema', schema)}</section>`
}

/** What a short schema says, in words. */
function summaryOf(schema: Json): string {
  const words: string[] = []
  if (Array.isArray(schema['enum'])) words.push(`one of ${schema['enum'].join(', ')}`)
  if (schema['format']) words.push(String(schema['format']))
  if (schema['default'] !== undefined) words.push(`default ${String(schema['default'])}`)
  return words.join('; ')
}

function folded(title: string, value: unknown): string {
  return `<details><summary>${title}</summary>${code(value)}</details>`
}

function code(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2)
  return `<pre tabindex="0"><code>${quoted(text)}</code></pre>`
}

/** Text with `code` in it. */
function prose(text: string): string {
  return quoted(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>')
}

function quoted(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
