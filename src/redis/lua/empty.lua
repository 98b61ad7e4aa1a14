-- empty.lua - deletes jobs that wait in a queue: RQ's Queue.empty() and
-- Queue.delete(), in steps.
--
-- KEYS  1 rq:queues  2 crq:alive
-- ARGV  1-15 patterns, see run.lua
--       16 queue  17 how many ids at most
--       18 "empty", "delete": the same, and when nothing is left the queue is
--       forgotten, or "forget": the queue and its ids are forgotten, jobs stay
-- Returns { ids taken out, ids left }. Repeated, it takes the next ones and
-- does not count those that were gone.
-- include run.lua

local list, limit, what = queue_key(ARGV[16]), tonumber(ARGV[17]), ARGV[18]

must_be('set', KEYS[1])
must_be('list', list)
local count = 0
if what == 'forget' then
    count = call('LLEN', list)
    call('DEL', list)
else
    local ids = call('LRANGE', list, 0, limit - 1)
    count = #ids
    if count > 0 then
        call('LTRIM', list, count, -1)
    end
    for _, id in ipairs(ids) do
        call('DEL', job_key(id), dependents_key(id), dependencies_key(id),
            log_key(id))
    end
end
local left = call('LLEN', list)
if what ~= 'empty' and left == 0 then
    call('SREM', KEYS[1], list)
end
return { count, left }
