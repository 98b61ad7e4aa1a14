-- sched_poison.lua - an event has failed: it is tried again later, or when that
-- was the last try set aside and acknowledged.
--
-- KEYS  1 crq:scheduler:leader  2 the stream  3 crq:scheduler:quarantine
-- ARGV  1 the caller's token  2 group  3 the event's id  4 tries  5 why
-- Returns 1 when it was set aside, else 0.
-- include quarantine.lua

local call = redis.call
if call('GET', KEYS[1]) ~= ARGV[1] or call('TYPE', KEYS[2]).ok ~= 'stream' then
    return 0
end
-- { id, consumer, idle, how often it was delivered }
local waits = redis.pcall('XPENDING', KEYS[2], ARGV[2], ARGV[3], ARGV[3], 1)
if waits.err or #waits == 0 or waits[1][4] < tonumber(ARGV[4]) then
    return 0
end
quarantine(KEYS[3], KEYS[2] .. ' ' .. ARGV[3], ARGV[5])
call('XACK', KEYS[2], ARGV[2], ARGV[3])
return 1
