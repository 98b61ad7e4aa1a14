-- sched_untrigger.lua - removes a trigger, or all those of an application.
--
-- KEYS  1 crq:triggers
-- ARGV  1 the name  2 crq:scheduler:wake
-- Returns 1, or 0 when there was none.

if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then
    return 0
end
redis.call('HINCRBY', KEYS[1], '.version', 1)
redis.call('PUBLISH', ARGV[2], '0')
return 1
