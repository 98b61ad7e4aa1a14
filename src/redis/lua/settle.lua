-- settle.lua - looks again at jobs that are deferred: those whose dependencies
-- are met are enqueued. For jobs that were saved as deferred whatever they
-- depend on, and for those that were forgotten.
--
-- KEYS  1 rq:queues  2 crq:alive
-- ARGV  1-15 patterns, see run.lua
--       16 now, RQ's date-time  17... job ids
-- Returns for each id 1 enqueued, 0 not: it has to wait on, or is not deferred,
-- or { why it was refused }.
-- include run.lua
-- include alone.lua
-- include move.lua
-- include promote.lua

local function settle(id)
    if call('TYPE', job_key(id)).ok ~= 'hash' or
            call('HGET', job_key(id), 'status') ~= 'deferred' then
        return 0
    end
    -- No parent: all of them are looked at.
    must_be('set', KEYS[1])
    must_be('set', dependencies_key(id))
    local job = ready(id, '', '', 'finished')
    if job then
        enqueue_dependent(job, ARGV[16])
    end
    return job and 1 or 0
end

return each_alone(settle, 17, 1)
