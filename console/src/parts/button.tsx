import type { ComponentChildren, JSX } from 'preact'
import { useState } from 'preact/hooks'
import { Icon, type IconName } from './icon.tsx'
import { tell } from './toasts.tsx'

type ButtonProps = {
  children: ComponentChildren
  icon?: IconName
  kind?: 'primary' | 'plain' | 'danger' | 'quiet'
  busy?: boolean
} & Omit<JSX.HTMLAttributes<HTMLButtonElement>, 'icon'> & { type?: 'button' | 'submit'; disabled?: boolean }

export function Button({
  children,
  icon,
  kind = 'plain',
  busy = false,
  type = 'button',
  disabled,
  ...others
}: ButtonProps) {
  return (
    <button {...others} type={type} class={`button ${kind}`} disabled={busy || disabled === true} aria-busy={busy}>
      {icon && <Icon name={icon} />}
      <span>{children}</span>
    </button>
  )
}

/** A button that does something with the server: busy until it is done, and what went wrong is told. */
export function ActionButton({
  act,
  ...others
}: Omit<ButtonProps, 'busy' | 'onClick'> & { act: () => Promise<unknown> }) {
  const [busy, setBusy] = useState(false)
  const run = async () => {
    setBusy(true)
    try {
      await act()
    } catch (error) {
      tell(error instanceof Error ? error.message : String(error), 'bad')
    } finally {
      setBusy(false)
    }
  }
  return <Button {...others} busy={busy} onClick={() => void run()} />
}

export function CopyButton({ text, what }: { text: string; what: string }) {
  const [copied, setCopied] = useState(false)
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      setCopied(true)
      setTimeout(() => setCopied(false), 1_500)
    } catch {
      tell('The browser did not allow to copy. Select the text and copy it by hand.', 'bad')
    }
  }
  return (
    <button
      type="button"
      class="icon-button"
      onClick={() => void copy()}
      aria-label={copied ? 'Copied' : `Copy ${what}`}
    >
      <Icon name={copied ? 'check' : 'copy'} />
    </button>
  )
}
