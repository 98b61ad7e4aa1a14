-- failed.lua - of failed jobs, the newest first, what tells why they failed.
--
-- KEYS  1 rq:failed:<q>
-- ARGV  1 pattern of a job's key  2 of its results'  3 place of the first job
--       4 of the last one  5 bytes of the data  6 of an error text at most
-- Returns { { id, the beginning of its data, ended_at, error text } }, with ""
-- for what is not there; the error text as a result has it. Only reads.

local call = redis.call

local function key(pattern, id)
    local at = pattern:find('%', 1, true)
    return pattern:sub(1, at - 1) .. id .. pattern:sub(at + 1)
end

-- include error_of.lua

local found = {}
for _, id in ipairs(call('ZREVRANGE', KEYS[1], ARGV[3], ARGV[4])) do
    local hash = key(ARGV[1], id)
    local fields = call('TYPE', hash).ok == 'hash' and
        call('HMGET', hash, 'data', 'ended_at') or {}
    found[#found + 1] = { id, (fields[1] or ''):sub(1, tonumber(ARGV[5])),
        fields[2] or '', error_of(key(ARGV[2], id), ARGV[6]) }
end
return found
