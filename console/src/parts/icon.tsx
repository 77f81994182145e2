const PATHS = {
  streams: 'M3 12h4l3-8 4 16 3-8h4',
  webhooks: 'M10 13a5 5 0 0 0 7.1.6l2.4-2.4a5 5 0 0 0-7-7L11 5.6M14 11a5 5 0 0 0-7.1-.6l-2.4 2.4a5 5 0 0 0 7 7L13 18.4',
  deliveries: 'M22 2 11 13M22 2l-7 20-4-9-9-4z',
  events: 'M4 6h16M4 12h16M4 18h10',
  keys: 'M15.5 7.5 19 4m-7.6 7.6L22 1M14 16a5 5 0 1 1-2.6-4.4M18 5l2 2',
  operations: 'M4 20V10M10 20V4M16 20v-7M22 20H2',
  plus: 'M12 5v14M5 12h14',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  check: 'M4 12.5 9.5 18 20 6.5',
  cross: 'M6 6l12 12M18 6 6 18',
  back: 'M15 5l-7 7 7 7',
  refresh: 'M20 11a8 8 0 1 0-2.3 6.3M20 4v7h-7',
  bell: 'M6 9a6 6 0 1 1 12 0c0 6 2 7 2 7H4s2-1 2-7M10 20a2 2 0 0 0 4 0',
  warning: 'M12 3 2 20h20zM12 10v4M12 17h.01',
  sun: 'M12 7a5 5 0 1 0 0 10 5 5 0 0 0 0-10M12 1v2M12 21v2M4 4l1.5 1.5M18.5 18.5 20 20M1 12h2M21 12h2M4 20l1.5-1.5M18.5 5.5 20 4',
  moon: 'M21 13A9 9 0 1 1 11 3a7 7 0 0 0 10 10',
  system: 'M3 4h18v12H3zM8 20h8M12 16v4',
  exit: 'M9 21H4V3h5M16 17l5-5-5-5M21 12H9',
  out: 'M14 4h6v6M20 4l-9 9M18 14v6H4V6h6',
  search: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14M20.5 20.5 16 16',
} as const

export type IconName = keyof typeof PATHS

/** Beside words: what it says is said there, so it is hidden from readers. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  )
}
