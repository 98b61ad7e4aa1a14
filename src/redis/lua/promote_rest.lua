-- promote_rest.lua - goes on where the end of a job with many dependents left
-- off: see promote.lua. Called until it returns 0, by whoever ended such a job,
-- and once in a while by every worker, because that one may have died.
--
-- KEYS  1 rq:queues  2 crq:alive
-- ARGV  1-15 patterns, see run.lua
--       16 now, RQ's date-time
-- Returns how many dependents are left, at least; 0: nothing is to be done.
-- include run.lua
-- include move.lua
-- include promote.lua

must_be('set', KEYS[1])
must_be('hash', promoting)
local parent = call('HRANDFIELD', promoting)
if not parent then
    return 0
end
local rest = rest_key(parent)
local status, queue = call('HGET', promoting, parent):match('^(%a*):(.*)$')
-- What is not this script's own: nobody is promoted who should not be.
status = status or 'failed'
local ids = {}
if call('TYPE', rest).ok == 'set' then
    ids = call('SRANDMEMBER', rest, PIECE)
end

local list, others = {}, {}
for _, id in ipairs(ids) do
    -- One with a key of a foreign type must not hold up the others.
    local ok, dependent = pcall(ready, id, parent, queue, status)
    if ok and dependent then
        list[#list + 1] = dependent
    else
        others[#others + 1] = id
    end
end
eldest_first(list)

if #ids > 0 then
    call('SREM', rest, unpack(ids))
end
for _, dependent in ipairs(list) do
    enqueue_dependent(dependent, ARGV[16])
end
-- Who has to wait on stays where RQ has it, for as long as the parent stays.
local key, left = dependents_key(parent), call('PTTL', job_key(parent))
if #others > 0 and left ~= -2 and
        (call('TYPE', key).ok == 'set' or call('EXISTS', key) == 0) then
    call('SADD', key, unpack(others))
    if left > 0 then
        call('PEXPIRE', key, left)
    end
end
if call('TYPE', rest).ok == 'set' then
    return call('SCARD', rest)
end
-- It ended in success and then in a failure: those who came between.
if call('TYPE', failed_rest_key(parent)).ok == 'set' then
    call('RENAME', failed_rest_key(parent), rest)
    call('HSET', promoting, parent, 'failed:' .. queue)
    return call('SCARD', rest)
end
call('HDEL', promoting, parent)
return call('HLEN', promoting)
