-- adopt.lua - a pet comes into being, once.
--
-- KEYS, ARGV, returns: see pet.lua.
-- include ../app.lua
-- include pet.lua

if not pet then
    pet = {}
    change('PET_ADOPTED', { hunger = 0, energy = 10 })
end
return ok(shown())
