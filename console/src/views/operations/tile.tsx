import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { useChartColours } from '../../parts/chart-colours.ts'
import { fitChart } from '../../parts/fit-chart.ts'
import type { Sample } from './series.ts'

const HEIGHT = 56

/** One number, and how it came to it. */
export function Tile({
  name,
  unit,
  value,
  note,
  samples,
  of,
  tone,
}: {
  name: string
  unit: string
  value: string
  note?: string
  samples: readonly Sample[]
  of: Exclude<keyof Sample, 'at'>
  tone?: 'good' | 'bad'
}) {
  return (
    <section class="tile" data-tone={tone} aria-label={name}>
      <h2>{name}</h2>
      <p class="tile-value">
        <span class="num">{value}</span> <span class="fine">{unit}</span>
      </p>
      <p class="fine tile-note">{note}</p>
      <Spark samples={samples} of={of} isBad={tone === 'bad'} />
    </section>
  )
}

function Spark({
  samples,
  of,
  isBad,
}: {
  samples: readonly Sample[]
  of: Exclude<keyof Sample, 'at'>
  isBad: boolean
}) {
  const holder = useRef<HTMLDivElement>(null)
  const chart = useRef<uPlot | null>(null)
  const colours = useChartColours()
  const rows = [samples.map(({ at }) => at), samples.map((sample) => sample[of])] as uPlot.AlignedData
  useEffect(() => {
    const element = holder.current
    if (!element) return
    const colour = isBad ? colours.bad : colours.line
    const drawn = new uPlot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        padding: [4, 0, 2, 0],
        legend: { show: false },
        cursor: { show: false },
        axes: [{ show: false }, { show: false }],
        scales: { y: { range: (_, __, most) => [0, Math.max(most ?? 0, 1) * 1.1] } },
        series: [{}, { stroke: colour, width: 1.5, fill: `${colour}1f`, points: { show: false }, spanGaps: true }],
      },
      rows,
      element,
    )
    chart.current = drawn
    const end = fitChart(drawn, element, HEIGHT)
    return () => {
      end()
      chart.current = null
    }
  }, [colours, isBad])
  useEffect(() => chart.current?.setData(rows), [samples])
  return <div ref={holder} class="spark" aria-hidden="true" />
}
