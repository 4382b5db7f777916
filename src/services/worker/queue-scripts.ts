/**
 * What must happen in Redis as a whole or not at all. An entry is deleted as it is acknowledged, so the stream's
 * length is what is not stored yet. `latest` is a sorted set: a document's newest version, scored by its entry.
 */

/** An entry's id `<milliseconds>-<number>` as one number, below 2^53 until the year 2255. */
const scoreOf = `
local function score(id)
  local ms, number = string.match(id, '(%d+)-(%d+)')
  return string.format('%.0f', tonumber(ms) * 1000 + math.min(tonumber(number), 999))
end`

/** The same, for what Redis answered here. */
export function scoreOfId(id: string): number {
  const [ms = '0', number = '0'] = id.split('-')
  return Number(ms) * 1_000 + Math.min(Number(number), 999)
}

/** KEYS stream, latest; ARGV most, document, root, source, text. Returns the id, or nothing when it is full. */
export const addScript = `${scoreOf}
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[1]) then return false end
local id = redis.call('XADD', KEYS[1], '*', 'root', ARGV[3], 'source', ARGV[4], 'text', ARGV[5])
redis.call('ZADD', KEYS[2], 'GT', score(id), ARGV[2])
return id`

/** KEYS latest; ARGV document. What was queued of the document until now need not be written any more. */
export const overtakeScript = `
local time = redis.call('TIME')
local now = string.format('%.0f', (tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)) * 1000 + 999)
redis.call('ZADD', KEYS[1], 'GT', now, ARGV[1])
return now`

/**
 * Deletes an entry, and of `latest` what is older than everything that is pending: no older version of those
 * documents can come any more. So it holds only as many as were queued since the oldest that is pending.
 */
const forget = `
redis.call('XDEL', KEYS[1], ARGV[2])
local pending = redis.call('XPENDING', KEYS[1], ARGV[1])
if pending[1] == 0 then redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', score(ARGV[2]))
else redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', '(' .. score(pending[2])) end`

/** KEYS stream, latest; ARGV group, id. */
export const finishScript = `${scoreOf}
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])${forget}
return 1`

/** KEYS stream, latest, dead; ARGV group, id, root, source, text, tries, because, most. */
export const buryScript = `${scoreOf}
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[8], '*', 'root', ARGV[3], 'source', ARGV[4], 'text', ARGV[5],
  'tries', ARGV[6], 'because', ARGV[7])${forget}
return 1`

/** KEYS stream, latest, dead; ARGV id of the dead letter, document, root, source, text. Returns whether it was queued. */
export const reviveScript = `${scoreOf}
if redis.call('XDEL', KEYS[3], ARGV[1]) == 0 then return 0 end
if redis.call('ZSCORE', KEYS[2], ARGV[2]) then return 0 end
local id = redis.call('XADD', KEYS[1], '*', 'root', ARGV[3], 'source', ARGV[4], 'text', ARGV[5])
redis.call('ZADD', KEYS[2], score(id), ARGV[2])
return 1`

/** KEYS lock; ARGV its holder, milliseconds. */
export const keepScript = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0`

/** KEYS lock; ARGV its holder. */
export const freeScript = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`
