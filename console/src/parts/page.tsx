import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { Link } from '../router.tsx'
import { CopyButton } from './button.tsx'
import { Icon } from './icon.tsx'

let hasOpened = false

/** A view: its heading takes the focus when it opens, so that readers say where one is. */
export function Page({
  title,
  lead,
  back,
  actions,
  children,
}: {
  title: string
  lead?: ComponentChildren
  back?: { to: string; text: string }
  actions?: ComponentChildren
  children: ComponentChildren
}) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = `${title} · ara-events`
  }, [title])
  useEffect(() => {
    // Not as the console opens: there the first key leads to the way past the navigation.
    if (hasOpened) heading.current?.focus({ preventScroll: true })
    hasOpened = true
  }, [])
  return (
    <div class="page">
      <header class="page-head">
        <div class="page-title">
          {back && (
            <Link to={back.to} class="back">
              <Icon name="back" />
              {back.text}
            </Link>
          )}
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {lead && <div class="lead">{lead}</div>}
        </div>
        {actions && <div class="actions">{actions}</div>}
      </header>
      {children}
    </div>
  )
}

export function Card({
  title,
  actions,
  children,
  flush = false,
}: {
  title?: string
  actions?: ComponentChildren
  children: ComponentChildren
  flush?: boolean
}) {
  return (
    <section class={flush ? 'card flush' : 'card'}>
      {(title || actions) && (
        <header class="card-head">
          {title && <h2>{title}</h2>}
          {actions && <div class="actions">{actions}</div>}
        </header>
      )}
      {children}
    </section>
  )
}

export function Facts({ children }: { children: ComponentChildren }) {
  return <dl class="facts">{children}</dl>
}

export function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

/** A value to copy: an id, a secret, a URL. */
export function Copyable({ text, what, shown = text }: { text: string; what: string; shown?: string }) {
  return (
    <span class="copyable">
      <code title={text}>{shown}</code>
      <CopyButton text={text} what={what} />
    </span>
  )
}

/** A long text in a box that scrolls, also by keys. */
export function Code({ text, label }: { text: string; label: string }) {
  return (
    <div class="code">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys */}
      <section tabIndex={0} aria-label={label}>
        <pre>{text}</pre>
      </section>
      <CopyButton text={text} what={label.toLowerCase()} />
    </div>
  )
}
