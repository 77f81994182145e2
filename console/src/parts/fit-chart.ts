import type uPlot from 'uplot'

/** Keeps a chart as wide as its element. @returns what ends it */
export function fitChart(drawn: uPlot, element: HTMLElement, height: number): () => void {
  const watcher = new ResizeObserver(() => drawn.setSize({ width: element.clientWidth, height }))
  watcher.observe(element)
  return () => {
    watcher.disconnect()
    drawn.destroy()
  }
}
