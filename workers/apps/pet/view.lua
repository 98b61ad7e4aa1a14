-- view.lua - shows a pet.
--
-- KEYS, ARGV, returns: see pet.lua.
-- include ../app.lua
-- include pet.lua

if not pet then
    return refuse_unknown()
end
return ok(shown())
