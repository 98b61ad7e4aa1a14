-- sched_due.lua - the schedules with a slot that has come. Only reads.
--
-- KEYS  1 crq:schedules
-- ARGV  1 pattern of a schedule's key  2 now, unix seconds with a fraction
--       3 how many of the first are left out  4 how many at most
--       5... names of fields
-- Returns { { id, { values of the fields, nil where there is none } } }.

local before, after = ARGV[1]:match('^(.*)%%(.*)$')
local due = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[2],
        'LIMIT', ARGV[3], ARGV[4])) do
    local key, values = before .. id .. after, {}
    if redis.call('TYPE', key).ok == 'hash' then
        values = redis.call('HMGET', key, unpack(ARGV, 5))
    end
    due[#due + 1] = { id, values }
end
return due
