-- sched_aside.lua - takes an entry that cannot be read out of the way.
--
-- KEYS  1 crq:scheduler:leader  2 the zset  3 crq:scheduler:quarantine
-- ARGV  1 the caller's token  2 the member  3 why
-- Returns 1, or 0 when the caller does not lead or the entry is gone.
-- include quarantine.lua

if redis.call('GET', KEYS[1]) ~= ARGV[1] or
        not redis.call('ZSCORE', KEYS[2], ARGV[2]) then
    return 0
end
quarantine(KEYS[3], KEYS[2] .. ' ' .. ARGV[2], ARGV[3])
redis.call('ZREM', KEYS[2], ARGV[2])
return 1
