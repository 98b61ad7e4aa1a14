-- put_back.lua - a claimed job back to the front of its queue, for scripts
-- that include run.lua as well.

local function check_put_back(queue)
    must_be('set', KEYS[1])
    must_be('list', queue_key(queue))
end

-- `marked`: the run is marked as begun, and started_at is of this run. `ran`:
-- its task may have been called. Whoever puts several back does so from the
-- last one to the first.
--
-- A ttl is for the time that a job waits. What is left of it goes on when the
-- job did nothing else; one that ran waits anew, as when it is retried.
local function put_back(queue, id, execution, stem, marked, ran)
    local expires = call('HGET', execution_key(id .. ':' .. execution),
        'crq_expires')
    local ttl = whole(call('HGET', job_key(id), 'ttl'))
    remove_execution(queue, id, execution, stem)
    call('HSET', job_key(id), 'status', 'queued', 'worker_name', '',
        'last_heartbeat', '')
    if marked then
        call('HSET', job_key(id), 'started_at', '')
    end
    if not ran and whole(expires) then
        call('PEXPIREAT', job_key(id), expires)
    elseif ran and ttl and ttl > 0 then
        call('EXPIRE', job_key(id), ttl)
        call('EXPIRE', dependents_key(id), ttl)
        call('EXPIRE', dependencies_key(id), ttl)
    end
    age_log(id)
    if call('EXISTS', job_key(id)) == 1 then
        call('SADD', KEYS[1], queue_key(queue))
        call('LPUSH', queue_key(queue), id)
    end
end
