/*
 * Number, history and publication of a message in one step of Redis, so that they cannot disagree. A message is
 * `<epoch>:<seq>:` and its finished frame; web processes pass the frame on without parsing it.
 *
 * The keys of a stream share a hash tag, so that they lie in one slot of a cluster.
 */

const PREFIX = 'ara:stream:'
/** Numbers outlive the history, so that who comes back late learns that there is a gap. */
const NUMBERS_SECONDS = 30 * 86_400
/** Somebody listens to a stream that never had a message; reading it again keeps its epoch. */
const UNUSED_SECONDS = 600

export function keysOf(stream: string): { state: string; history: string; channel: string } {
  const base = `${PREFIX}{${stream}}`
  return { state: `${base}:state`, history: `${base}:history`, channel: base }
}

export function streamOfChannel(channel: string): string {
  return channel.slice(PREFIX.length + 1, -1)
}

/** KEYS state, history; ARGV channel, a new epoch, messages kept, seconds kept, then head and tail of each frame. */
export const PUBLISH = `
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then
  epoch = ARGV[2]
  redis.call('DEL', KEYS[1], KEYS[2])
  redis.call('HSET', KEYS[1], 'epoch', epoch)
end
local count = (#ARGV - 4) / 2
local seq = redis.call('HINCRBY', KEYS[1], 'seq', count) - count
for i = 5, #ARGV, 2 do
  seq = seq + 1
  local number = string.format('%.0f', seq)
  local message = epoch .. ':' .. number .. ':' .. ARGV[i] .. number .. ARGV[i + 1]
  redis.call('RPUSH', KEYS[2], message)
  redis.call('PUBLISH', ARGV[1], message)
end
redis.call('LTRIM', KEYS[2], -tonumber(ARGV[3]), -1)
redis.call('EXPIRE', KEYS[2], ARGV[4])
redis.call('EXPIRE', KEYS[1], ${NUMBERS_SECONDS})
return seq`

/** KEYS state, history; ARGV a new epoch, the epoch and number that the caller has. Answers epoch, seq and what came after. */
export const READ = `
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then
  epoch = ARGV[1]
  redis.call('DEL', KEYS[1], KEYS[2])
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'seq', 0)
end
local seq = tonumber(redis.call('HGET', KEYS[1], 'seq') or '0')
if seq == 0 then redis.call('EXPIRE', KEYS[1], ${UNUSED_SECONDS}) end
local wanted = seq - tonumber(ARGV[3])
if epoch ~= ARGV[2] then wanted = seq end
if ARGV[2] == '' then wanted = math.min(seq, 1) end
local messages = {}
if wanted > 0 then messages = redis.call('LRANGE', KEYS[2], -wanted, -1) end
return { epoch, string.format('%.0f', seq), messages }`

export interface StreamMessage {
  epoch: string
  seq: number
  frame: string
}

export function parseMessage(text: string): StreamMessage {
  const first = text.indexOf(':')
  const second = text.indexOf(':', first + 1)
  return { epoch: text.slice(0, first), seq: Number(text.slice(first + 1, second)), frame: text.slice(second + 1) }
}
