-- wake_up.lua - a pet wakes up from one certain sleep.
--
-- KEYS, ARGV 1 to 3: see pet.lua.
-- ARGV  4 slept_at of that sleep
-- Returns the pet, null when it is gone. When it sleeps since another time, or
-- not at all, nothing changes.
-- include ../app.lua
-- include pet.lua

if pet and pet.slept_at == ARGV[4] then
    change('PET_AWAKE', { energy = 10, slept_at = false,
        asleep_until = false })
end
return ok(pet and shown() or cjson.null)
