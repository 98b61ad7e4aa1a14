-- requeue.lua - puts failed jobs on their queues again: RQ's Job.requeue().
--
-- KEYS, ARGV and what it returns: operate.lua. Repeated, it tells those that
-- it requeued before by their enqueued_at.
-- include run.lua
-- include move.lua
-- include alone.lua
-- include operate.lua

local function requeue(id)
    local fields = read_job(id)
    if not fields then
        return 0
    end
    local queue = fields.origin or ''
    check_move(queue)
    must_be('zset', failed_key(queue))
    must_be('set', dependents_key(id))
    must_be('set', dependencies_key(id))
    if not call('ZSCORE', failed_key(queue), id) then
        return fields.status ~= 'failed' and fields.enqueued_at == stamp and
            2 or 'it is not among the failed jobs of its queue'
    end

    -- From here on nothing is refused, unless it is this first write.
    call('HSET', job_key(id), 'started_at', '', 'ended_at', '')
    if fields.exc_info then
        call('HSET', job_key(id), 'exc_info', '')
    end
    call('ZREM', failed_key(queue), id)
    enqueue(id, queue, fields, stamp, asked_for(16) and 'L' or 'R')
    return 1
end

return operate(requeue)
