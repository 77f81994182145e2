/*
 * Number, history and publication of a message in one step of Redis, so that they cannot disagree. A message is
 * `<epoch>:<seq>:` and its finished frame; web processes pass the frame on without parsing it.
 *
 * An epoch belongs to one run of Redis: one that restarted from an older dump, or took over as a replica, may not have the
 * newest numbers and would give them again. So the numbering begins anew in every run, under another epoch.
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

/** KEYS state, history; ARGV a new epoch, the run of Redis. */
const EPOCH = `
local known = redis.call('HMGET', KEYS[1], 'epoch', 'run', 'seq')
local epoch = known[1]
local seq = tonumber(known[3] or '0')
local function begin()
  epoch = ARGV[1]
  seq = 0
  redis.call('DEL', KEYS[1], KEYS[2])
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'run', ARGV[2], 'seq', 0)
end
if not epoch or known[2] ~= ARGV[2] then begin() end`

/** ARGV goes on with channel, messages kept, seconds kept, then head and tail of each frame. */
export const PUBLISH = `${EPOCH}
for i = 6, #ARGV, 2 do
  seq = seq + 1
  local number = string.format('%.0f', seq)
  local message = epoch .. ':' .. number .. ':' .. ARGV[i] .. number .. ARGV[i + 1]
  redis.call('RPUSH', KEYS[2], message)
  redis.call('PUBLISH', ARGV[3], message)
end
redis.call('HSET', KEYS[1], 'seq', string.format('%.0f', seq))
redis.call('LTRIM', KEYS[2], -tonumber(ARGV[4]), -1)
redis.call('EXPIRE', KEYS[2], ARGV[5])
redis.call('EXPIRE', KEYS[1], ${NUMBERS_SECONDS})
return seq`

/**
 * ARGV goes on with the epoch and number that the caller has, or an empty epoch. Answers epoch, seq and what came after. A
 * number that is behind the caller's has gone back.
 */
export const READ = `${EPOCH}
local have = tonumber(ARGV[4])
if epoch == ARGV[3] and seq < have then begin() end
if seq == 0 then redis.call('EXPIRE', KEYS[1], ${UNUSED_SECONDS}) end
local wanted = seq - have
if epoch ~= ARGV[3] then wanted = seq end
if ARGV[3] == '' then wanted = math.min(seq, 1) end
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
