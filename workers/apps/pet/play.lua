-- play.lua - a pet plays, which makes it hungry and tired.
--
-- KEYS, ARGV, returns: see pet.lua.
-- include ../app.lua
-- include pet.lua

local why = not pet and refuse_unknown() or refuse_asleep()
if why then
    return why
end
if number('energy') < 2 then
    return refuse(409, 'Too tired', NAME .. ' is too tired to play.')
end
change('PET_PLAYED', { hunger = math.min(10, number('hunger') + 1),
    energy = number('energy') - 2 })
return ok(shown())
