-- put_back.lua - a claimed job back to the front of its queue, for scripts
-- that include run.lua as well.

local function check_put_back(queue)
    must_be('set', KEYS[1])
    must_be('list', queue_key(queue))
end

-- `begun`: the run is marked so, and started_at is of this run. Whoever puts
-- several back does so from the last one to the first.
local function put_back(queue, id, execution, stem, begun)
    local expires = call('HGET', execution_key(id .. ':' .. execution),
        'crq_expires')
    remove_execution(queue, id, execution, stem)
    call('HSET', job_key(id), 'status', 'queued', 'worker_name', '',
        'last_heartbeat', '')
    if begun then
        call('HSET', job_key(id), 'started_at', '')
    end
    if whole(expires) then
        call('PEXPIREAT', job_key(id), expires)
    end
    age_log(id)
    if call('EXISTS', job_key(id)) == 1 then
        call('SADD', KEYS[1], queue_key(queue))
        call('LPUSH', queue_key(queue), id)
    end
end
