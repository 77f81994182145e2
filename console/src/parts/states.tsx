import type { ComponentChildren } from 'preact'
import { ApiError } from '../api/api.ts'
import type { Resource } from '../api/use-resource.ts'
import { Button } from './button.tsx'
import { Icon, type IconName } from './icon.tsx'

/** What stands where there is nothing yet, with the way on. */
export function Empty({ icon, title, children }: { icon: IconName; title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <Icon name={icon} />
      <p class="empty-title">{title}</p>
      {children}
    </div>
  )
}

export function ErrorNote({ error, retry }: { error: Error; retry?: () => void }) {
  const api = error instanceof ApiError ? error : null
  return (
    <div class="note bad" role="alert">
      <Icon name="warning" />
      <div class="stack-s">
        <p>{error.message}</p>
        {api && api.details.length > 0 && (
          <ul>
            {api.details.map(({ path, reason }) => (
              <li key={path}>
                <code>{path}</code> {reason}
              </li>
            ))}
          </ul>
        )}
        {api?.requestId && <p class="fine">Request {api.requestId}</p>}
        {retry && (
          <div>
            <Button icon="refresh" onClick={retry}>
              Try again
            </Button>
          </div>
        )}
      </div>
    </div>
  )
}

export function Note({
  tone = 'calm',
  icon,
  children,
}: {
  tone?: 'calm' | 'warn' | 'good' | 'bad'
  icon?: IconName
  children: ComponentChildren
}) {
  return (
    <div class={`note ${tone}`}>
      {icon && <Icon name={icon} />}
      <div class="stack-s">{children}</div>
    </div>
  )
}

export function Skeleton({ rows = 4 }: { rows?: number }) {
  return (
    <div class="skeleton" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} />
      ))}
    </div>
  )
}

/** A resource in whichever state it is. */
export function Shown<Value>({
  resource,
  rows,
  children,
}: {
  resource: Resource<Value>
  rows?: number
  children: (value: Value) => ComponentChildren
}) {
  const { value, error, reload } = resource
  if (error && value === null) return <ErrorNote error={error} retry={reload} />
  if (value === null) return <Skeleton {...(rows === undefined ? {} : { rows })} />
  return (
    <>
      {error && <ErrorNote error={error} retry={reload} />}
      {children(value)}
    </>
  )
}
