-- authorise.lua - somebody wants to see what becomes of a pet.
--
-- KEYS, ARGV: see pet.lua.
-- Returns {"identity", "hello": [the pet, as a message]}.
-- include ../app.lua
-- include pet.lua

if not pet then
    return refuse_unknown()
end
return ok({ identity = NAME,
    hello = list({ { type = 'PET', at_ms = now_ms, data = shown() } }) })
