-- sched_new.lua - new jobs, for scripts of the scheduler, which also include
-- run.lua.

-- Writes what every job has, and then the names and values in `fields`.
local function new_job(id, stamp, fields)
    call('HSET', job_key(id), 'created_at', stamp, 'started_at', '',
        'ended_at', '', 'last_heartbeat', '', 'worker_name', '',
        'group_id', '', 'success_callback_name', '',
        'failure_callback_name', '', 'stopped_callback_name', '',
        unpack(fields))
end
