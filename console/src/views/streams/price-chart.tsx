import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { price } from '../../format.ts'
import { useChartColours } from '../../parts/chart-colours.ts'
import { fitChart } from '../../parts/fit-chart.ts'
import type { ChartRows } from '../../streams/chart-rows.ts'

const HEIGHT = 320

/** The chart itself: it is made once and given new rows, so that it moves without flicker. */
export function PriceChart({ rows, alerts, label }: { rows: ChartRows; alerts: readonly number[]; label: string }) {
  const holder = useRef<HTMLDivElement>(null)
  const chart = useRef<uPlot | null>(null)
  const marks = useRef(alerts)
  const colours = useChartColours()
  marks.current = alerts
  useEffect(() => {
    const element = holder.current
    if (!element) return
    const stepped = uPlot.paths.stepped?.({ align: 1 })
    const line = (stroke: string, width: number, dash?: number[]): uPlot.Series => ({
      stroke,
      width,
      points: { show: false },
      spanGaps: true,
      ...(dash ? { dash } : {}),
    })
    const axis: uPlot.Axis = {
      stroke: colours.text,
      font: '12px system-ui, sans-serif',
      grid: { stroke: colours.grid, width: 1 },
      ticks: { show: false },
    }
    const drawn = new uPlot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        padding: [12, 0, 0, 0],
        legend: { show: false },
        cursor: { points: { size: 7 }, drag: { x: false, y: false } },
        scales: { x: { time: true } },
        axes: [
          {
            ...axis,
            space: 90,
            values: (_, values) => values.map((value) => new Date(value * 1000).toLocaleTimeString('en-GB')),
          },
          { ...axis, side: 1, size: 66, values: (_, values) => values.map((value) => price(value)) },
        ],
        series: [
          {},
          line(colours.line, 2),
          { ...line(colours.predicted, 2, [6, 4]), ...(stepped ? { paths: stepped } : {}) },
          { ...line(colours.bound, 1), ...(stepped ? { paths: stepped } : {}) },
          { ...line(colours.bound, 1), ...(stepped ? { paths: stepped } : {}) },
        ],
        bands: [{ series: [4, 3], fill: colours.band }],
        hooks: { draw: [(plot) => drawMarks(plot, marks.current, colours.alert)] },
      },
      rows as uPlot.AlignedData,
      element,
    )
    chart.current = drawn
    const end = fitChart(drawn, element, HEIGHT)
    return () => {
      end()
      chart.current = null
    }
  }, [colours])

  useEffect(() => chart.current?.setData(rows as uPlot.AlignedData), [rows])

  return (
    <div
      ref={holder}
      class="chart"
      role="img"
      aria-label={label}
      data-rows={rows[0].length}
      data-newest={rows[0].at(-1)}
    />
  )
}

/** A short line at the bottom for each alert. */
function drawMarks({ ctx, bbox, scales, valToPos }: uPlot, alerts: readonly number[], colour: string): void {
  const { min = 0, max = 0 } = scales['x'] ?? {}
  ctx.save()
  ctx.fillStyle = colour
  for (const at of alerts) {
    if (at < (min ?? 0) || at > (max ?? 0)) continue
    const x = valToPos(at, 'x', true)
    const y = bbox.top + bbox.height
    const size = 5 * devicePixelRatio
    ctx.beginPath()
    ctx.moveTo(x - size, y)
    ctx.lineTo(x + size, y)
    ctx.lineTo(x, y - 2 * size)
    ctx.fill()
  }
  ctx.restore()
}
