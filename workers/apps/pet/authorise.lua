-- authorise.lua - somebody wants to see what becomes of a pet.
--
-- KEYS, ARGV: see pet.lua.
-- Returns {"hello": [the pet, as a message]}: no identity, as any number may look
-- at one pet at a time.
-- include ../app.lua
-- include pet.lua

if not pet then
    return refuse_unknown()
end
return ok({ hello = list({ { type = 'PET', at_ms = now_ms, data = shown() } }) })
