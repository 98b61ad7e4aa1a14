-- pet.lua - the pet that all of its scripts are about.
--
-- These have in common: KEYS 1 the pet, 2 the stream of all pets' events, and
-- ARGV 1 the pet's name, 2 the channel for those who look at it, 3 when hunger
-- comes next, unix milliseconds, or "". They return the pet as the page shows
-- it, unless they say else.
--
-- The pet is a hash: hunger, energy, slept_at (unix milliseconds; only while
-- it is asleep), asleep_until, and counted: the newest slots of its hunger
-- schedule that it has lived through.

local NAME, CHANNEL = ARGV[1], ARGV[2]
local pet = read_hash(KEYS[1])
must_be('stream', KEYS[2])

local function number(field)
    return tonumber(pet[field]) or 0
end

local function asleep()
    return pet.slept_at ~= nil
end

local function shown()
    return {
        name = NAME,
        hunger = number('hunger'),
        energy = number('energy'),
        status = asleep() and 'asleep' or 'awake',
        asleep_until_ms = asleep() and number('asleep_until') or cjson.null,
        next_hunger_ms = tonumber(ARGV[3]) or cjson.null,
    }
end

-- Write fields of the pet and tell of it. False takes a field away.
local function change(kind, fields)
    local words, gone = {}, {}
    for name, value in pairs(fields) do
        if value == false then
            pet[name], gone[#gone + 1] = nil, name
        else
            pet[name] = tostring(value)
            words[#words + 1], words[#words + 2] = name, pet[name]
        end
    end
    call('HSET', KEYS[1], unpack(words))
    if #gone > 0 then
        call('HDEL', KEYS[1], unpack(gone))
    end
    append(KEYS[2], 1000, kind, shown(), 'name', NAME)
    publish(CHANNEL, 'PET', shown())
end

local function refuse_unknown()
    return refuse(404, 'No such pet', 'Nobody has adopted ' .. NAME .. '.')
end

-- Nil when it is awake.
local function refuse_asleep()
    if not asleep() then
        return nil
    end
    local left = math.max(0, number('asleep_until') - now_ms) / 1000
    return refuse(409, 'Asleep', NAME .. ' is asleep for another ' ..
        string.format('%.0f', math.ceil(left)) .. ' s.',
        { retry_in_s = left, asleep_until_ms = number('asleep_until') })
end
