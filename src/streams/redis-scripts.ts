import { ASK } from '../redis/run-id.ts'

/*
 * Number, history and publication of a message in one step of Redis, so that they cannot disagree. A message is
 * `<epoch>:<seq>:<ms>:` and its finished frame, where `ms` is the publisher's clock; web processes pass the frame on without
 * parsing it.
 *
 * An epoch belongs to one run of Redis: one that restarted from an older dump, or took over as a replica, may not have the
 * newest numbers and would give them again. So the numbering begins anew in every run, under another epoch.
 *
 * The keys and the channel of a stream share a hash tag, so that they lie in one slot of a cluster. There each server has runs
 * of its own, and a client may reach another than it thinks; so the script itself looks which run it is in, and publishes to
 * the subscribers of its slot (SPUBLISH) instead of to all servers.
 *
 * A slot that moves to another server brings the keys as they were, under the run of the server they come from. Such a stream goes
 * on; what looks the same and may lack writes does not. A server has a stream of another run from its own dump, from its time as a
 * replica, or from a move: not from a dump when the stream was published to since the server started, by more than clocks differ,
 * and not as a replica when it never was one.
 */

const PREFIX = 'ara:stream:'
/** Numbers outlive the history, so that who comes back late learns that there is a gap. */
const NUMBERS_SECONDS = 30 * 86_400
/**
 * Somebody listens to a stream that never had a message; its epoch is kept by reading it again, which who follows does every few
 * seconds. No longer, since anybody may ask for any number of streams.
 */
const UNUSED_SECONDS = 60
/** A slice of the history ends with the message that goes over this, so that no answer holds up Redis or a process. */
const SLICE_BYTES = 256 * 1024

export function keysOf(stream: string): { state: string; history: string; channel: string } {
  const base = `${PREFIX}{${stream}}`
  return { state: `${base}:state`, history: `${base}:history`, channel: base }
}

export function streamOfChannel(channel: string): string {
  return channel.slice(PREFIX.length + 1, -1)
}

/** Of two servers of a cluster. */
const CLOCKS_DIFFER_SECONDS = 2

/** KEYS state, history; ARGV a new epoch, the run of Redis (`?` in a cluster). */
const EPOCH = `
local run = ARGV[2]
local now
local started
if run == '${ASK}' then
  local info = redis.pcall('INFO', 'server')
  info = type(info) == 'string' and info or ''
  run = string.match(info, 'run_id:(%w+)') or ''
  now = math.floor(tonumber(string.match(info, 'server_time_usec:(%d+)') or '0') / 1000000)
  started = now - tonumber(string.match(info, 'uptime_in_seconds:(%d+)') or '0')
end
local known = redis.call('HMGET', KEYS[1], 'epoch', 'run', 'seq', 'at')
local epoch = known[1]
local seq = tonumber(known[3] or '0')
local function begin()
  epoch = ARGV[1]
  seq = 0
  redis.call('DEL', KEYS[1], KEYS[2])
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'run', run, 'seq', 0)
  if now then redis.call('HSET', KEYS[1], 'at', now) end
end
local function hasMovedHere()
  if not now or now == 0 or tonumber(known[4] or '0') <= started + ${CLOCKS_DIFFER_SECONDS} then return false end
  local info = redis.pcall('INFO', 'replication')
  if type(info) ~= 'string' then return false end
  return string.find(info, 'role:master') and string.find(info, 'master_replid2:0+%s')
end
if epoch and known[2] ~= run and hasMovedHere() then
  redis.call('HSET', KEYS[1], 'run', run)
elseif not epoch or known[2] ~= run then
  begin()
end`

/** Drops what is older than a time. */
const FORGET = `
local function forget(oldest)
  while true do
    local first = redis.call('LINDEX', KEYS[2], 0)
    if not first or tonumber(string.match(first, '^%w+:%d+:(%d+):') or '0') >= oldest then return end
    redis.call('LPOP', KEYS[2])
  end
end`

/** The messages from an index of the history on, at most so many and not many bytes. */
const SLICE = `
local function slice(from, most)
  local found = redis.call('LRANGE', KEYS[2], from, from + most - 1)
  local bytes = 0
  for i, message in ipairs(found) do
    bytes = bytes + #message
    if bytes > ${SLICE_BYTES} then return { unpack(found, 1, i) } end
  end
  return found
end`

/** ARGV goes on with the time, channel, messages kept, seconds kept, then head and tail of each frame. */
export const PUBLISH = `${EPOCH}
${FORGET}
local publish = ARGV[2] == '${ASK}' and 'SPUBLISH' or 'PUBLISH'
for i = 7, #ARGV, 2 do
  seq = seq + 1
  local number = string.format('%.0f', seq)
  local message = epoch .. ':' .. number .. ':' .. ARGV[3] .. ':' .. ARGV[i] .. number .. ARGV[i + 1]
  redis.call('RPUSH', KEYS[2], message)
  redis.call(publish, ARGV[4], message)
end
redis.call('HSET', KEYS[1], 'seq', string.format('%.0f', seq))
if now then redis.call('HSET', KEYS[1], 'at', now) end
redis.call('LTRIM', KEYS[2], -tonumber(ARGV[5]), -1)
forget(tonumber(ARGV[3]) - 1000 * tonumber(ARGV[6]))
redis.call('EXPIRE', KEYS[2], ARGV[6])
redis.call('EXPIRE', KEYS[1], ${NUMBERS_SECONDS} + tonumber(ARGV[6]))
return seq`

/**
 * For a process that follows a stream. ARGV goes on with the epoch and number that it has, or an empty epoch, and how many
 * messages it wants at most. Answers epoch, seq and the oldest of what came after, or the last message to who has nothing.
 * A number that is behind the process's has gone back.
 */
export const READ = `${EPOCH}
${SLICE}
local have = tonumber(ARGV[4])
if epoch == ARGV[3] and seq < have then begin() end
if seq == 0 then redis.call('EXPIRE', KEYS[1], ${UNUSED_SECONDS}) end
local wanted = seq - have
if epoch ~= ARGV[3] then wanted = seq end
if ARGV[3] == '' then wanted = math.min(seq, 1) end
local messages = {}
if wanted > 0 then messages = slice(math.max(0, redis.call('LLEN', KEYS[2]) - wanted), tonumber(ARGV[5])) end
return { epoch, string.format('%.0f', seq), messages }`

/**
 * For one who resumes, whose numbers are only claimed and so change nothing. KEYS state, history; ARGV the number that is
 * had, how many messages at most, and the time before which they are too old.
 */
export const RANGE = `${FORGET}
${SLICE}
local known = redis.call('HMGET', KEYS[1], 'epoch', 'seq')
if not known[1] then return { '', '0', {} } end
forget(tonumber(ARGV[3]))
local wanted = tonumber(known[2]) - tonumber(ARGV[1])
local messages = {}
if wanted > 0 then messages = slice(math.max(0, redis.call('LLEN', KEYS[2]) - wanted), tonumber(ARGV[2])) end
return { known[1], known[2], messages }`

export interface StreamMessage {
  epoch: string
  seq: number
  /** Unix milliseconds. */
  at: number
  frame: string
}

export function parseMessage(text: string): StreamMessage {
  const first = text.indexOf(':')
  const second = text.indexOf(':', first + 1)
  const third = text.indexOf(':', second + 1)
  return {
    epoch: text.slice(0, first),
    seq: Number(text.slice(first + 1, second)),
    at: Number(text.slice(second + 1, third)),
    frame: text.slice(third + 1),
  }
}
