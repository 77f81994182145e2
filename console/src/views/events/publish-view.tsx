import { useState } from 'preact/hooks'
import { ask } from '../../api/api.ts'
import type { EventTypeEntry } from '../../api/shapes.ts'
import { useResource } from '../../api/use-resource.ts'
import { words } from '../../format.ts'
import { Button } from '../../parts/button.tsx'
import { Select, TextField } from '../../parts/field.tsx'
import { Card, Code, Page } from '../../parts/page.tsx'
import { ErrorNote, Note, Shown } from '../../parts/states.tsx'
import { Link } from '../../router.tsx'
import { mayPublish } from '../../session/session.ts'
import { readEventTypes } from '../webhooks/event-types.ts'
import { exampleValues, fieldsOf, readForm, type SchemaField } from './schema-form.ts'

export function PublishView() {
  const types = useResource(readEventTypes, [])
  return (
    <Page
      title="Publish an event"
      back={{ to: '/events', text: 'Events' }}
      lead="Stored, streamed and delivered like any producer’s."
    >
      {mayPublish() ? (
        <Shown resource={types}>{(entries) => <Publish types={entries.filter((entry) => !entry.system_only)} />}</Shown>
      ) : (
        <Note icon="warning">
          <p>Publishing needs a token of the role producer or admin.</p>
        </Note>
      )}
    </Page>
  )
}

interface Published {
  event_id: string
  deliveries: number
}

function Publish({ types }: { types: readonly EventTypeEntry[] }) {
  const [name, setName] = useState(types[0]?.event_type ?? '')
  const [typed, setTyped] = useState<Record<string, string>>({})
  const [userId, setUserId] = useState('')
  const [complaints, setComplaints] = useState<Record<string, string>>({})
  const [error, setError] = useState<Error | null>(null)
  const [busy, setBusy] = useState(false)
  const [published, setPublished] = useState<Published | null>(null)
  const type = types.find(({ event_type }) => event_type === name)
  if (!type) return null

  const choose = (chosen: string) => {
    setName(chosen)
    setTyped({})
    setComplaints({})
    setPublished(null)
    setError(null)
  }
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const read = readForm(type.schema, typed)
    setComplaints(read.complaints)
    setPublished(null)
    setError(null)
    if (Object.keys(read.complaints).length > 0) return
    setBusy(true)
    try {
      const body = { event_type: name, data: read.data, ...(userId.trim() === '' ? {} : { user_id: userId.trim() }) }
      setPublished(
        await ask<Published>('POST', '/api/v1/events', { body, headers: { 'Idempotency-Key': crypto.randomUUID() } }),
      )
    } catch (cause) {
      setError(cause instanceof Error ? cause : new Error(String(cause)))
    } finally {
      setBusy(false)
    }
  }
  return (
    <div class="split wide-left">
      <form class="stack-l" onSubmit={(event) => void submit(event)} noValidate>
        <Card
          title="Event"
          actions={
            <Button onClick={() => setTyped(exampleValues(type.schema, type.example))}>Fill in the example</Button>
          }
        >
          <div class="stack">
            <Select
              label="Type"
              value={name}
              onValue={choose}
              hint={type.description}
              options={types.map(({ event_type }) => [event_type, words(event_type)] as const)}
            />
            <div class="field-grid">
              {fieldsOf(type.schema).map((field) => (
                <Input
                  key={`${name}.${field.name}`}
                  field={field}
                  value={typed[field.name] ?? ''}
                  complaint={complaints[field.name]}
                  onValue={(value) => setTyped((before) => ({ ...before, [field.name]: value }))}
                />
              ))}
            </div>
            <TextField
              label="Only for the user"
              value={userId}
              onValue={setUserId}
              hint="A user id. Leave it empty for everybody."
            />
          </div>
        </Card>
        <div aria-live="polite" class="stack">
          {error && <ErrorNote error={error} />}
          {published && (
            <Note tone="good" icon="check">
              <p>
                Accepted, and owed to {published.deliveries} {published.deliveries === 1 ? 'webhook' : 'webhooks'}.{' '}
                <Link to={`/events/${published.event_id}`}>See the event</Link>
              </p>
            </Note>
          )}
        </div>
        <div class="form-foot">
          <Button type="submit" kind="primary" busy={busy}>
            Publish
          </Button>
        </div>
      </form>
      <Card title="As it is sent">
        <Code
          label="The request"
          text={JSON.stringify({ event_type: name, data: readForm(type.schema, typed).data }, null, 2)}
        />
        <p class="fine">
          {type.streamed_as
            ? `Also streamed on ${type.streamed_as.channel}.`
            : 'Not streamed; delivered to webhooks only.'}
        </p>
      </Card>
    </div>
  )
}

function Input({
  field,
  value,
  complaint,
  onValue,
}: {
  field: SchemaField
  value: string
  complaint: string | undefined
  onValue: (value: string) => void
}) {
  const { label, kind, required, choices, hint } = field
  const common = { label, required, value, onValue, error: complaint, hint: hint === '' ? undefined : hint }
  if (kind === 'choice')
    return <Select {...common} options={[['', '–'], ...choices.map((choice) => [choice, words(choice)] as const)]} />
  if (kind === 'yes_no')
    return (
      <Select
        {...common}
        options={[
          ['', '–'],
          ['true', 'Yes'],
          ['false', 'No'],
        ]}
      />
    )
  return <TextField {...common} {...(kind === 'number' ? { inputMode: 'decimal' } : {})} />
}
