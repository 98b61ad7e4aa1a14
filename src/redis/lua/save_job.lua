-- save_job.lua - writes a new job's hash, for scripts that create jobs.
--
-- These have in common: KEYS 3 the job, 4 its dependents, 5 its dependencies,
-- and ARGV 3 ttl in seconds or "", 4 "1" when the id must be new, else "0",
-- 5 created_at, 6 data, 7... names and values of the job's other fields. Every
-- word less is time won: the fields that a new job has empty are named here.
--
-- A job that has this created_at and description already was written by this
-- very call: the reply got lost and it is repeated. Its data is no mark: RQ
-- packs it anew, into other bytes, whenever it saves the job, as at the end of
-- a run, and the job would be run again.
--
-- Call it before any other command that writes. Redis looks whether there is
-- memory (maxmemory) at a script's first write, and then lets it end: HSET is
-- refused with -OOM, or all of the script is done.

-- Returns 1 when the job was written, 0 when the id must be new and is not,
-- 2 when this call has been here before: then nothing more is to be done.
local function save_job()
    local job, ttl = KEYS[3], ARGV[3]

    if redis.call('EXISTS', job) == 1 then
        local seen = redis.call('HMGET', job, 'created_at', 'description')
        for i = 7, #ARGV, 2 do
            if seen[1] == ARGV[5] and ARGV[i] == 'description' and
                    seen[2] == ARGV[i + 1] then
                return 2
            end
        end
        if ARGV[4] == '1' then
            return 0
        end
    end
    -- Where a name comes twice, the later one counts.
    redis.call('HSET', job, 'started_at', '', 'ended_at', '',
        'last_heartbeat', '', 'worker_name', '', 'group_id', '',
        'success_callback_name', '', 'failure_callback_name', '',
        'stopped_callback_name', '', 'created_at', ARGV[5], 'data', ARGV[6],
        unpack(ARGV, 7))
    if ttl ~= '' then
        redis.call('EXPIRE', job, ttl)
        redis.call('EXPIRE', KEYS[4], ttl)
        redis.call('EXPIRE', KEYS[5], ttl)
    end
    return 1
end
