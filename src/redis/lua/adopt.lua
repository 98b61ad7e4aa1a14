-- adopt.lua - a dead worker's run becomes a run of who found it, which calls
-- on_failure before it ends. For scripts that include run.lua as well.
--
-- `me` is the stem that asks, "" for nobody; `token` a name of the call.

-- What an earlier run of this same call has adopted: { id, queue, execution }.
local function find_adopted(me, token)
    local found, flat = {}, me ~= '' and call('HGETALL', runs_key(me)) or {}
    for i = 1, #flat, 2 do
        local run = read_entry(flat[i + 1])
        if run and call('HGET', execution_key(run.id .. ':' .. flat[i]),
                'crq_adopted') == token then
            found[#found + 1] = { run.id, run.queue, flat[i] }
        end
    end
    return found
end

local function wants_call(fields, me)
    return me ~= '' and (fields.failure_callback_name or '') ~= ''
end

-- With a new lease, for as long as its callback may take at first.
local function adopt(run, me, alive, token)
    local hash = execution_key(run.id .. ':' .. run.execution)
    let_pass()
    call('HSET', runs_key(me), run.execution, run_entry(tonumber(ARGV[16]) *
        1000000, 'begun', run.id, run.queue))
    call('ZADD', KEYS[2], redis_time() + alive, me)
    call('HSET', hash, 'id', run.execution, 'last_heartbeat', ARGV[16], 'crq',
        'begun', 'crq_adopted', token)
    call('HSETNX', hash, 'created_at', ARGV[16])
    lease(run.queue, run.id, run.execution, 90,
        math.floor(tonumber(ARGV[16])))
    return { run.id, run.queue, run.execution }
end
