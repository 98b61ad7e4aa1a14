-- sched_remove.lua - removes a schedule; the jobs it has made stay.
--
-- KEYS  1 crq:schedules  2 the schedule  3 crq:scheduler:quarantine
-- ARGV  1 id
-- Returns 1, or 0 when there was none.
-- include quarantine.lua

local entry = redis.call('ZREM', KEYS[1], ARGV[1])
unquarantine(KEYS[3], KEYS[1] .. ' ' .. ARGV[1])
return math.max(entry, redis.call('DEL', KEYS[2]))
