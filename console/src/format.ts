/* How numbers, times and words are written. All of it is pure: the clock and the time zone are given. */

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Prices keep what matters of them: two places above one, more below. */
export function price(value: number): string {
  const size = Math.abs(value)
  const places = size >= 1 || size === 0 ? 2 : Math.min(8, 1 - Math.floor(Math.log10(size)) + 2)
  return value.toLocaleString('en', { minimumFractionDigits: Math.min(places, 2), maximumFractionDigits: places })
}

/** A fraction as a percentage with its sign: 0.0398 is `+3.98 %`. */
export function signedPercent(fraction: number): string {
  const text = Math.abs(fraction * 100).toFixed(2)
  return `${fraction < 0 && Number(text) !== 0 ? '−' : '+'}${text} %`
}

/** A share: 1 is `100 %`, and less than all of it never reads as all. */
export function share(part: number, whole: number): string {
  if (whole === 0) return '–'
  const percent = (100 * part) / whole
  if (percent > 99.9 && part < whole) return '> 99.9 %'
  if (percent < 0.1 && part > 0) return '< 0.1 %'
  return `${percent.toFixed(percent === 100 || percent === 0 ? 0 : 1)} %`
}

export function count(value: number): string {
  if (value < 100_000) return Math.round(value).toLocaleString('en')
  const million = value >= 999_500
  return `${(value / (million ? 1e6 : 1e3)).toLocaleString('en', { maximumFractionDigits: million ? 1 : 0 })}${million ? 'M' : 'k'}`
}

export function rate(perSecond: number): string {
  if (perSecond === 0) return '0'
  return perSecond < 10 ? perSecond.toFixed(1) : count(perSecond)
}

export function milliseconds(ms: number): string {
  if (ms < 1) return '< 1 ms'
  if (ms < SECOND) return `${Math.round(ms)} ms`
  if (ms < MINUTE) return `${(ms / SECOND).toFixed(ms < 10 * SECOND ? 2 : 1)} s`
  return span(ms)
}

/** The largest two units that say something: `2 d 4 h`, `3 min`, `12 s`. */
export function span(ms: number): string {
  if (ms < MINUTE) return `${Math.max(0, Math.round(ms / SECOND))} s`
  if (ms < HOUR) return pair(ms, MINUTE, 'min', SECOND, 's', ms < 10 * MINUTE)
  if (ms < DAY) return pair(ms, HOUR, 'h', MINUTE, 'min', true)
  return pair(ms, DAY, 'd', HOUR, 'h', ms < 10 * DAY)
}

function pair(ms: number, unit: number, name: string, lesser: number, lesserName: string, both: boolean): string {
  const whole = Math.floor(ms / unit)
  const rest = Math.floor((ms % unit) / lesser)
  return both && rest > 0 ? `${whole} ${name} ${rest} ${lesserName}` : `${whole} ${name}`
}

/** `5 s ago`, `in 2 min`, `just now`. */
export function fromNow(at: string | Date, now: number): string {
  const ms = new Date(at).getTime() - now
  const size = Math.abs(ms)
  if (size < 2 * SECOND) return 'just now'
  const [unit, name] =
    size < MINUTE ? [SECOND, 's'] : size < HOUR ? [MINUTE, 'min'] : size < DAY ? [HOUR, 'h'] : [DAY, 'd']
  const text = `${Math.floor(size / (unit as number))} ${name}`
  return ms < 0 ? `${text} ago` : `in ${text}`
}

/** The time of day to the second, with the date when it is another one. */
export function clock(at: string | Date | number, now: number): string {
  const date = new Date(at)
  const time = date.toLocaleTimeString('en-GB')
  return date.toDateString() === new Date(now).toDateString() ? time : `${day(date)}, ${time}`
}

export function day(at: string | Date): string {
  return new Date(at).toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' })
}

export function fullTime(at: string | Date): string {
  const date = new Date(at)
  return `${day(date)}, ${date.toLocaleTimeString('en-GB')}.${String(date.getMilliseconds()).padStart(3, '0')}`
}

/** `prediction_complete` for people. */
export function words(identifier: string): string {
  const text = identifier.replaceAll('_', ' ')
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** The end of an id, which is what tells two of them apart at sight. */
export function shortId(id: string): string {
  const [prefix = '', rest = ''] = id.split(/_(.*)/s)
  return rest.length > 10 ? `${prefix}_…${rest.slice(-6)}` : id
}

/** Host and path of a URL, without what every one of them has. */
export function shortUrl(url: string): string {
  return url.replace(/^https?:\/\//, '').replace(/\/$/, '')
}

/** JSON with two spaces, or the text as it is. */
export function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}

export function bytes(text: string): string {
  const size = new TextEncoder().encode(text).length
  return size < 1024 ? `${size} B` : `${(size / 1024).toFixed(1)} KiB`
}
