-- increase_hunger.lua - a pet becomes hungrier, asleep or awake.
--
-- KEYS, ARGV 1 to 3: see pet.lua.
-- ARGV  4 the slot of the hunger schedule that this is for, or "" when
--         somebody else has asked for it
-- Returns the pet, null when there is none. A slot counts once: its job is run
-- again when the worker that ran it died.
-- include ../app.lua
-- include pet.lua

if not pet then
    return ok(cjson.null)
end
local counted = {}
for slot in (pet.counted or ''):gmatch('%d+') do
    if slot == ARGV[4] then
        return ok(shown())
    end
    counted[#counted + 1] = slot
end
local fields = { hunger = math.min(10, number('hunger') + 1) }
if ARGV[4] ~= '' then
    counted[#counted + 1] = ARGV[4]
    fields.counted = table.concat(counted, ' ', math.max(1, #counted - 19))
end
change('PET_HUNGRIER', fields)
return ok(shown())
