-- describe.lua - of some jobs, what fits a line.
--
-- KEYS  the jobs'
-- ARGV  1 bytes of a description at most
-- Returns for each { beginning of its description, started_at }, "" for what is
-- not there. Only reads: descriptions may be as long as a job's arguments.

local found = {}
for i, key in ipairs(KEYS) do
    local fields = redis.call('TYPE', key).ok == 'hash' and
        redis.call('HMGET', key, 'description', 'started_at') or {}
    found[i] = { (fields[1] or ''):sub(1, tonumber(ARGV[1])),
        fields[2] or '' }
end
return found
