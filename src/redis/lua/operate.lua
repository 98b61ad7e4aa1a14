-- operate.lua - what scripts share that do something to jobs from outside. For
-- scripts that include run.lua, move.lua and alone.lua as well.
--
-- KEYS  1 rq:queues  2 crq:alive
-- ARGV  1-15 patterns, see run.lua  16 the pattern rq:canceled:%
--       17 now, unix seconds with a fraction  18 now, RQ's date-time
--       19 flags: 1 enqueue dependents, 2 remove from dependencies, 4 keep in
--       the queue, 8 delete dependents, 16 at the front
--       20 for a move the queue, else ""
--       21... ids of jobs
-- Returns for each job 1 done, 2 done by an earlier run of this same call,
-- 0 there is no such job, a text: why its state does not allow it, or { why
-- Redis refuses it }. Of what was not done nothing was written.

local canceled_key = keys_like(16)
local now, stamp = tonumber(ARGV[17]), ARGV[18]

local function asked_for(flag)
    return math.floor(tonumber(ARGV[19]) / flag) % 2 == 1
end

-- The registry that a status names; started runs are in another kind of one.
local registry_of = { finished = finished_key, failed = failed_key,
    stopped = failed_key, deferred = deferred_key, scheduled = scheduled_key,
    canceled = canceled_key }

-- The job's hash; as in RQ, one without data is none.
local function read_job(id)
    must_be('hash', job_key(id))
    local fields = read_hash(job_key(id))
    if not fields or (fields.data or '') == '' then
        return nil
    end
    return fields
end

local function operate(operation)
    return each_alone(operation, 21, 1)
end
