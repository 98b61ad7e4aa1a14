-- save_job.lua - writes a new job's hash, for scripts that create jobs.
--
-- The fields begin with created_at and data. A job that has these two already
-- was written by this very call: the reply got lost and it is repeated.
--
-- Call it before any other command that writes. Redis looks whether there is
-- memory (maxmemory) at a script's first write, and then lets it end: HSET is
-- refused with -OOM, or all of the script is done.

-- Returns 1 when the job was written, 0 when `unique` and the id is taken,
-- 2 when this call has been here before: then nothing more is to be done.
local function save_job(keys, ttl, unique, first_field)
    local seen = redis.call('HMGET', keys.job, 'created_at', 'data')
    if seen[1] then
        if seen[1] == ARGV[first_field + 1] and
                seen[2] == ARGV[first_field + 3] then
            return 2
        end
    end
    if unique == '1' and redis.call('EXISTS', keys.job) == 1 then
        return 0
    end
    redis.call('HSET', keys.job, unpack(ARGV, first_field))
    if ttl ~= '' then
        redis.call('EXPIRE', keys.job, ttl)
        redis.call('EXPIRE', keys.dependents, ttl)
        redis.call('EXPIRE', keys.dependencies, ttl)
    end
    return 1
end
