-- release.lua - a pet is let go.
--
-- KEYS, ARGV: see pet.lua.
-- Returns {"name", "slept_at": text or null}.
-- include ../app.lua
-- include pet.lua

if not pet then
    return refuse_unknown()
end
local gone = { name = NAME, slept_at = pet.slept_at or cjson.null }
append(KEYS[2], 1000, 'PET_RELEASED', gone, 'name', NAME)
call('DEL', KEYS[1])
publish(CHANNEL, 'PET_RELEASED', { name = NAME })
return ok(gone)
