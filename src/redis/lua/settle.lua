-- settle.lua - looks again at jobs that are deferred: those whose dependencies
-- are met are enqueued. For jobs that were saved as deferred whatever they
-- depend on, and for those that were forgotten.
--
-- KEYS  1 rq:queues  2 crq:alive
-- ARGV  1-15 patterns, see run.lua
--       16 now, RQ's date-time  17... job ids
-- Returns for each id 1 enqueued, 0 not: it has to wait on, or is not deferred.
-- include run.lua
-- include move.lua
-- include promote.lua

local states = {}
for i = 17, #ARGV do
    local id = ARGV[i]
    local job
    if call('TYPE', job_key(id)).ok == 'hash' and
            call('HGET', job_key(id), 'status') == 'deferred' then
        -- No parent: all of them are looked at.
        must_be('set', KEYS[1])
        job = ready(id, '', '', 'finished')
    end
    if job then
        enqueue_dependent(job, ARGV[16])
    end
    states[#states + 1] = job and 1 or 0
end
return states
