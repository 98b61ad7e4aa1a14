-- set_meta.lua - stores a job's meta, as RQ's Job.save_meta() does, but never
-- brings a deleted job back.
--
-- KEYS  1 the job
-- ARGV  1 the serialized meta
-- Returns 1 stored, 0 there is no such job (nothing was written).
if redis.call('HEXISTS', KEYS[1], 'data') == 0 then
    return 0
end
redis.call('HSET', KEYS[1], 'meta', ARGV[1])
return 1
