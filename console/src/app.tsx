import { useEffect, useState } from 'preact/hooks'
import { Icon, type IconName } from './parts/icon.tsx'
import { Toasts } from './parts/toasts.tsx'
import { Link, place } from './router.tsx'
import { endSession, isOperator, session } from './session/session.ts'
import { takeSignInLink } from './session/sign-in.ts'
import { SignInView } from './session/sign-in-view.tsx'
import { useSignal } from './signal.ts'
import { ConnectionState } from './streams/connection-state.tsx'
import { theme, turnTheme } from './theme.ts'
import { viewAt } from './views/views.tsx'

interface Section {
  to: string
  text: string
  icon: IconName
}

const SECTIONS: readonly Section[] = [
  { to: '/', text: 'Streams', icon: 'streams' },
  { to: '/webhooks', text: 'Webhooks', icon: 'webhooks' },
  { to: '/deliveries', text: 'Deliveries', icon: 'deliveries' },
  { to: '/events', text: 'Events', icon: 'events' },
  { to: '/keys', text: 'Keys', icon: 'keys' },
]
const OPERATIONS: Section = { to: '/operations', text: 'Operations', icon: 'operations' }

export function App() {
  const signedIn = useSignal(session)
  const [ready, setReady] = useState(!location.hash.startsWith('#sign-in='))
  useEffect(() => {
    if (!ready) void takeSignInLink().finally(() => setReady(true))
  }, [ready])
  if (!ready)
    return (
      <p class="splash" role="status">
        Signing in …
      </p>
    )
  return (
    <>
      {signedIn ? <Shell /> : <SignInView />}
      <Toasts />
    </>
  )
}

function Shell() {
  const at = useSignal(place)
  const who = session.value
  const sections = isOperator() ? [...SECTIONS, OPERATIONS] : SECTIONS
  return (
    <div class="shell">
      <a class="skip" href="#main">
        Skip to content
      </a>
      <header class="side">
        <Link to="/" class="brand" aria-label="ara-events, to the streams">
          <span class="mark">
            <Icon name="streams" />
          </span>
          <span>ara-events</span>
        </Link>
        <nav aria-label="Sections">
          <ul>
            {sections.map(({ to, text, icon }) => (
              <li key={to}>
                <Link to={to} aria-current={isWithin(at, to) ? 'page' : undefined}>
                  <Icon name={icon} />
                  <span>{text}</span>
                </Link>
              </li>
            ))}
          </ul>
        </nav>
        <div class="side-foot">
          <ConnectionState />
          <div class="who">
            <div class="who-name">
              <strong title={who?.userId}>{who?.userId}</strong>
              <span>
                {who?.role} · {who?.tier}
              </span>
            </div>
            <ThemeButton />
            <button
              type="button"
              class="icon-button"
              aria-label="Sign out"
              title="Sign out"
              onClick={() => endSession()}
            >
              <Icon name="exit" />
            </button>
          </div>
        </div>
      </header>
      <main id="main">{viewAt(at)}</main>
    </div>
  )
}

export function ThemeButton() {
  const chosen = useSignal(theme)
  const icon = chosen === 'system' ? 'system' : chosen === 'light' ? 'sun' : 'moon'
  const text = `Theme: ${chosen}. Change it`
  return (
    <button type="button" class="icon-button" aria-label={text} title={text} onClick={turnTheme}>
      <Icon name={icon} />
    </button>
  )
}

function isWithin(at: string, section: string): boolean {
  if (section === '/') return at === '/' || at.startsWith('/streams')
  if (section === '/deliveries' && at.includes('/deliveries')) return true
  if (section === '/webhooks' && at.includes('/deliveries')) return false
  return at === section || at.startsWith(`${section}/`)
}
