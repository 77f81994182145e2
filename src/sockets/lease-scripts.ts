/*
 * The sockets of users in Redis. All keys share one hash slot, so that a script sees them together in a cluster too.
 *
 *   ara:{sockets}:processes      process → when its lease ends (ms)
 *   ara:{sockets}:user:<user>    <process>/<connection> → when it was opened (µs)
 *   ara:{sockets}:replaced:<process>   connections that this process is to close
 */

const PREFIX = 'ara:{sockets}'
export const PROCESSES = `${PREFIX}:processes`
export const socketsOf = (userId: string) => `${PREFIX}:user:${userId}`
export const replacedOf = (process: string) => `${PREFIX}:replaced:${process}`

/**
 * KEYS processes, the process's replaced; ARGV process, lease ms, the name it had before or ''.
 * Renews the lease of a process; answers whether it still had it, and the connections it is to close.
 */
export const BEAT = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[3] ~= '' then redis.call('ZREM', KEYS[1], ARGV[3]) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local had = redis.call('ZSCORE', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
local replaced = redis.call('LRANGE', KEYS[2], 0, -1)
redis.call('DEL', KEYS[2])
return {had and 1 or 0, replaced}
`

/**
 * KEYS processes, the user's sockets; ARGV process, connection, when it was opened or '', most, ms to keep, prefix of replaced.
 * Adds a socket, forgets those of processes that are gone, and takes the oldest away while there are too many: those of this
 * process are answered beside the time, those of others are left for them.
 */
export const TAKE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local opened = ARGV[3]
if opened == '' then opened = string.format('%.0f', time[1] * 1000000 + time[2]) end
redis.call('ZADD', KEYS[2], opened, ARGV[1] .. '/' .. ARGV[2])
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
for index = 1, #kept - ARGV[4] do
  redis.call('ZREM', KEYS[2], kept[index])
  local process, connection = string.match(kept[index], '^([^/]*)/(.*)$')
  if process == ARGV[1] then
    own[#own + 1] = connection
  else
    redis.call('RPUSH', ARGV[6] .. process, connection)
    redis.call('PEXPIRE', ARGV[6] .. process, 60000)
  end
end
return {opened, own}
`
