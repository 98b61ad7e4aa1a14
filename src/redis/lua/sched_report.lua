-- sched_report.lua - says once why an entry is passed over, which stays.
--
-- KEYS  1 crq:scheduler:leader  2 the zset  3 crq:scheduler:quarantine
-- ARGV  1 the caller's token  2 the member  3 its score  4 why
-- Returns 1 when that is news, else 0.
-- include quarantine.lua

local field, text = KEYS[2] .. ' ' .. ARGV[2],
    'due ' .. ARGV[3] .. ': ' .. ARGV[4]
if redis.call('GET', KEYS[1]) ~= ARGV[1] or
        redis.call('ZSCORE', KEYS[2], ARGV[2]) ~= ARGV[3] or
        redis.pcall('HGET', KEYS[3], field) == text then
    return 0
end
quarantine(KEYS[3], field, text)
return redis.pcall('HGET', KEYS[3], field) == text and 1 or 0
