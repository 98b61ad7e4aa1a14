-- feed.lua - a pet eats.
--
-- KEYS, ARGV, returns: see pet.lua.
-- include ../app.lua
-- include pet.lua

local why = not pet and refuse_unknown() or refuse_asleep()
if why then
    return why
end
change('PET_FED', { hunger = math.max(0, number('hunger') - 5) })
return ok(shown())
