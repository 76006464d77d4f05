-- GCRA: one moment a key, the one at which a steady caller would be due next.
-- ARGV: microseconds between two at a steady rate, and by how many a burst may be ahead.
-- Answers 0, or the microseconds until the next may pass.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, ahead = tonumber(ARGV[1]), tonumber(ARGV[2])
-- Of another type it is not ours: written over below.
local kept = redis.pcall('GET', KEYS[1])
local due = type(kept) == 'string' and tonumber(kept) or now
-- Never further ahead than this script can put it: a clock that is set back locks nobody out.
due = math.max(now, math.min(due, now + ahead + interval))
local wait = due - ahead - now
if wait > 0 then
  return wait
end
due = due + interval
redis.call('SET', KEYS[1], string.format('%.0f', due), 'PX', math.ceil((due - now) / 1000))
return 0
