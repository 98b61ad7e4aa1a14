-- sleep.lua - a pet falls asleep. The job that will wake it up is there.
--
-- KEYS, ARGV 1 to 3: see pet.lua.
-- ARGV  4 slept_at, unix milliseconds  5 asleep_until
-- Returns the pet. Repeated for the same slept_at it changes nothing and
-- returns the same; a pet that sleeps since another time is refused.
-- include ../app.lua
-- include pet.lua

if not pet then
    return refuse_unknown()
end
if pet.slept_at ~= ARGV[4] then
    local why = refuse_asleep()
    if why then
        return why
    end
    change('PET_SLEEPS', { slept_at = ARGV[4], asleep_until = ARGV[5] })
end
return ok(shown())
