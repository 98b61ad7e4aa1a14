-- sched_trigger.lua - registers a trigger that no file declares, or replaces
-- the one of its id.
--
-- KEYS  1 crq:triggers
-- ARGV  1 its id  2 its value, which begins with a line break: see
--       sched_keep.lua  3 crq:scheduler:wake
-- Returns 1, or the file that declares an application of this name (nothing
-- was written).

local call = redis.call
local old = call('HGET', KEYS[1], ARGV[1])
if old == ARGV[2] then
    return 1
end
if old and old:sub(1, 1) ~= '\n' then
    return old:match('^[^\n]*')
end
call('HSET', KEYS[1], ARGV[1], ARGV[2])
call('HINCRBY', KEYS[1], '.version', 1)
call('PUBLISH', ARGV[3], '0')
return 1
