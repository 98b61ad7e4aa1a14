-- save_job.lua - writes a new job's hash, for scripts that create jobs.
--
-- These have in common: KEYS 3 the job, and ARGV 3 ttl in seconds or "",
-- 4 "1" when the id must be new, else "0", 5 created_at, 6 data, 7 origin,
-- 8 description, 9 timeout, 10... names and values of the job's other fields;
-- with a ttl, the last two words are the keys of its dependents and of its
-- dependencies. Every word less is time won: what the script knows itself and
-- what a new job has empty is not sent.
--
-- Redis looks whether there is memory (maxmemory) at a script's first write,
-- and then lets it end: that write is refused with -OOM, or all is done.

local call = redis.call

-- Whether this very call wrote the job: the reply got lost and it is repeated.
-- Its mark is created_at with the description. The data is none: RQ packs it
-- anew, into other bytes, whenever it saves the job, as at the end of a run,
-- and the job would be run again.
local function is_repeated()
    local seen = call('HMGET', KEYS[3], 'created_at', 'description')
    return seen[1] == ARGV[5] and seen[2] == ARGV[8]
end

-- Nil when the job may be written. Else what the script returns: 0 when the id
-- must be new and is not, 2 when this call has been here before. It fails when
-- the key is of another type, so that save_job() does not.
local function why_not()
    if call('EXISTS', KEYS[3]) == 0 then
        return nil
    end
    if is_repeated() then
        return 2
    end
    return ARGV[4] == '1' and 0 or nil
end

-- Nil, or why Redis refuses the hash, as to a user who may not write one: then
-- nothing was written here.
local function save_job(status)
    local job, ttl, created_at = KEYS[3], ARGV[3], ARGV[5]
    local last = ttl == '' and #ARGV or #ARGV - 2

    -- Where a name comes twice, the later one counts.
    local saved = redis.pcall('HSET', job, 'started_at', '', 'ended_at', '', 'last_heartbeat', '',
        'worker_name', '', 'group_id', '', 'success_callback_name', '',
        'failure_callback_name', '', 'stopped_callback_name', '',
        'created_at', created_at,
        status == 'queued' and 'enqueued_at' or 'created_at', created_at,
        'status', status, 'data', ARGV[6], 'origin', ARGV[7],
        'description', ARGV[8], 'timeout', ARGV[9], unpack(ARGV, 10, last))
    if type(saved) == 'table' then
        return saved
    end
    if ttl ~= '' then
        call('EXPIRE', job, ttl)
        call('EXPIRE', ARGV[last + 1], ttl)
        call('EXPIRE', ARGV[last + 2], ttl)
    end
end
