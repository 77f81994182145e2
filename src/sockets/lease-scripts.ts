/*
 * The sockets of users in Redis. All keys share one hash slot, so that a script sees them together in a cluster too.
 *
 *   ara:{sockets}:processes      process → when its lease ends (ms)
 *   ara:{sockets}:user:<user>    <process>/<connection> → when it was opened (µs); of a silent one as if long before
 *   ara:{sockets}:replaced:<process>   connections that this process is to close
 *   ara:{sockets}:crowded:<process>    users near their limit that this process has sockets of
 */

const PREFIX = 'ara:{sockets}'
export const PROCESSES = `${PREFIX}:processes`
export const socketsOf = (userId: string) => `${PREFIX}:user:${userId}`
export const replacedOf = (process: string) => `${PREFIX}:replaced:${process}`
export const crowdedOf = (process: string) => `${PREFIX}:crowded:${process}`

/**
 * KEYS processes, the process's replaced and crowded; ARGV process, lease ms, the name it had before or ''.
 * Renews the lease of a process; answers whether it still had it, the connections it is to close, and the users of whom others
 * have opened so many that theirs must be alive.
 */
export const BEAT = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[3] ~= '' then redis.call('ZREM', KEYS[1], ARGV[3]) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local had = redis.call('ZSCORE', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
local replaced = redis.call('LRANGE', KEYS[2], 0, -1)
local crowded = redis.call('SMEMBERS', KEYS[3])
redis.call('DEL', KEYS[2], KEYS[3])
return {had and 1 or 0, replaced, crowded}
`

/** In µs: more than any time is old, and with it still exact as a score. */
const SILENT_US = 4e15

/**
 * KEYS processes, the user's sockets; ARGV process, connection, when it was opened or '', most, ms to keep, whether it is
 * silent, whether others may go for it, user, how many are near the limit, prefixes of replaced and crowded.
 * Adds a socket or says it again, forgets those of processes that are gone, and takes the oldest away while there are too many,
 * silent ones before all others: those of this process are answered beside the time, those of others are left for them. Also
 * answers whether the user is near the limit, and then tells it the other processes that have sockets of theirs.
 */
export const TAKE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local opened = ARGV[3]
if opened == '' then opened = string.format('%.0f', time[1] * 1000000 + time[2]) end
local score = opened
if ARGV[6] == '1' then score = string.format('%.0f', opened - ${SILENT_US}) end
redis.call('ZADD', KEYS[2], score, ARGV[1] .. '/' .. ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[5])
local alive = {}
local kept = {}
for _, member in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  local process = string.match(member, '^[^/]*')
  if alive[process] == nil then
    alive[process] = tonumber(redis.call('ZSCORE', KEYS[1], process) or 0) > now
  end
  if alive[process] then kept[#kept + 1] = member else redis.call('ZREM', KEYS[2], member) end
end
local own = {}
local over = ARGV[7] == '1' and math.max(0, #kept - ARGV[4]) or 0
for index = 1, over do
  redis.call('ZREM', KEYS[2], kept[index])
  local process, connection = string.match(kept[index], '^([^/]*)/(.*)$')
  if process == ARGV[1] then
    own[#own + 1] = connection
  else
    redis.call('RPUSH', ARGV[10] .. process, connection)
    redis.call('PEXPIRE', ARGV[10] .. process, 60000)
  end
end
local crowded = #kept >= tonumber(ARGV[9])
if crowded then
  for process, isAlive in pairs(alive) do
    if isAlive and process ~= ARGV[1] then
      redis.call('SADD', ARGV[11] .. process, ARGV[8])
      redis.call('PEXPIRE', ARGV[11] .. process, 60000)
    end
  end
end
return {opened, own, crowded and 1 or 0}
`
