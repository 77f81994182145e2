import { StatusBadge } from '../../parts/badge.tsx'
import { Card } from '../../parts/page.tsx'
import { Empty } from '../../parts/states.tsx'
import { Ago } from '../../parts/time.tsx'
import { Link } from '../../router.tsx'
import { useSignal } from '../../signal.ts'
import { alerts } from '../../streams/market.ts'

const SHOWN = 12

export function AlertsCard() {
  const seen = useSignal(alerts)
  return (
    <div class="alerts">
      <Card title="Alerts" flush>
        {seen.length === 0 ? (
          <Empty icon="bell" title="No alerts yet">
            <p class="muted">They appear here as they come.</p>
          </Empty>
        ) : (
          <ul class="rows" aria-live="polite" aria-relevant="additions">
            {seen.slice(0, SHOWN).map((alert) => (
              <li key={alert.id} class="alert-row">
                <div class="inline spread">
                  <Link to={`/streams/${encodeURIComponent(alert.symbol)}`}>{alert.symbol}</Link>
                  {alert.severity && <StatusBadge status={alert.severity} />}
                </div>
                <p>{alert.message}</p>
                <p class="fine">
                  <Ago at={new Date(alert.at).toISOString()} />
                </p>
              </li>
            ))}
          </ul>
        )}
      </Card>
    </div>
  )
}
