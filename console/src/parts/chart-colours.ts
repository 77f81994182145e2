import { useEffect, useState } from 'preact/hooks'
import { useSignal } from '../signal.ts'
import { theme } from '../theme.ts'

/** A canvas knows no style sheet: the colours of the theme that is shown, for what is drawn on one. */
export interface ChartColours {
  line: string
  predicted: string
  bound: string
  band: string
  grid: string
  text: string
  alert: string
  bad: string
}

export function useChartColours(): ChartColours {
  const chosen = useSignal(theme)
  const [colours, setColours] = useState(read)
  useEffect(() => {
    const system = matchMedia('(prefers-color-scheme: dark)')
    const follow = () => setColours(read())
    follow()
    system.addEventListener('change', follow)
    return () => system.removeEventListener('change', follow)
  }, [chosen])
  return colours
}

function read(): ChartColours {
  const style = getComputedStyle(document.documentElement)
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim()
  return {
    line: colour('accent'),
    predicted: colour('violet'),
    bound: colour('violet-line'),
    band: colour('violet-wash'),
    grid: colour('line-soft'),
    text: colour('muted'),
    alert: colour('warn'),
    bad: colour('bad'),
  }
}
