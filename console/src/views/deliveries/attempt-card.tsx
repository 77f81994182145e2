import type { Attempt, Headers } from '../../api/shapes.ts'
import { bytes, fullTime, milliseconds, pretty, words } from '../../format.ts'
import { StatusBadge } from '../../parts/badge.tsx'
import { Code } from '../../parts/page.tsx'

/** One HTTP request and what came back. */
export function AttemptCard({ attempt, isOpen }: { attempt: Attempt; isOpen: boolean }) {
  const { attempt: number, status, started_at, duration_ms, request, response, error, error_message } = attempt
  return (
    <details class="card attempt" open={isOpen} data-status={status}>
      <summary>
        <span class="inline spread">
          <span class="inline">
            <strong>Attempt {number}</strong>
            <StatusBadge status={status} />
            {response && <span class="num">HTTP {response.status}</span>}
            {error !== null && <span>{words(error)}</span>}
          </span>
          <span class="fine num">
            {duration_ms === null ? '' : `${milliseconds(duration_ms)} · `}
            {fullTime(started_at)}
          </span>
        </span>
      </summary>
      {error_message && <p class="attempt-reason">{error_message}</p>}
      <div class="exchange">
        <section>
          <h3>Request</h3>
          <p class="mono wrap">
            {request.method} {request.url ?? ''}
          </p>
          <HeaderTable headers={request.headers} of="request" />
          <p class="fine">Body, {bytes(request.body)}</p>
          <Code label={`Request body of attempt ${number}`} text={pretty(request.body)} />
        </section>
        <section>
          <h3>Response</h3>
          {response === null ? (
            <p class="muted">{status === 'started' ? 'Under way.' : 'None came.'}</p>
          ) : (
            <>
              <p class="mono">HTTP {response.status}</p>
              <HeaderTable headers={response.headers} of="response" />
              {response.body ? (
                <>
                  <p class="fine">Body, {bytes(response.body)}</p>
                  <Code label={`Response body of attempt ${number}`} text={pretty(response.body)} />
                </>
              ) : (
                <p class="fine">No body</p>
              )}
            </>
          )}
        </section>
      </div>
    </details>
  )
}

function HeaderTable({ headers, of }: { headers: Headers | null; of: string }) {
  const rows = Object.entries(headers ?? {}).flatMap(([name, value]) =>
    [value].flat().map((one) => [name, one] as const),
  )
  if (rows.length === 0) return null
  return (
    <table class="headers">
      <caption class="visually-hidden">Headers of the {of}</caption>
      <thead class="visually-hidden">
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Value</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([name, value], place) => (
          <tr key={`${name}${place}`}>
            <th scope="row">{name}</th>
            <td>{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
