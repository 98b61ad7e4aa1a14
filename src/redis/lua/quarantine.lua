-- quarantine.lua - notes why no scheduler can read an entry, for scripts that
-- take it out of the way. A key of a foreign type keeps them from nothing, and
-- behind so many notes there is the log.

local NOTES_MOST = 10000

local function quarantine(key, entry, why)
    local is = redis.call('TYPE', key).ok
    if is == 'none' or is == 'hash' and
            (redis.call('HEXISTS', key, entry) == 1 or
            redis.call('HLEN', key) < NOTES_MOST) then
        redis.call('HSET', key, entry, why)
    end
end

-- It is registered anew, or gone.
local function unquarantine(key, entry)
    if redis.call('TYPE', key).ok == 'hash' then
        redis.call('HDEL', key, entry)
    end
end
