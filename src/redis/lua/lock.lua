-- lock.lua - takes a lock that RQ's processes take, too.
--
-- KEYS  1 the lock
-- ARGV  1 who takes it  2 how long it is kept, in seconds
-- Returns 1 taken, also when this call has taken it before, 0 it is another's.

local owner = redis.call('GET', KEYS[1])
if owner then
    return owner == ARGV[1] and 1 or 0
end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1
