-- unlock.lua - gives back a lock, if it is still one's own.
--
-- KEYS  1 the lock
-- ARGV  1 who took it
-- Returns 1 given back, 0 it was another's or had run out.

if redis.call('GET', KEYS[1]) == ARGV[1] then
    return redis.call('DEL', KEYS[1])
end
return 0
