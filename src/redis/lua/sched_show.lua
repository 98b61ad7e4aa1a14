-- sched_show.lua - shows schedules as those of an "rq cron", for RQ's
-- CronScheduler.all(): what sched_beat.lua includes.

local SHOWN_S, SHOWN_AGAIN_S, SHOWN_MOST = 120, 90, 1000

-- Unix seconds as RQ's date-time; nil when there are none, or far too many.
local function date_of(text)
    local seconds, micros = (text or ''):match('^(%d+)%.(%d%d%d%d%d%d)$')
    if not seconds or #seconds > 11 then
        return nil
    end
    seconds = tonumber(seconds)
    local days = math.floor(seconds / 86400) + 719468
    local second = seconds % 86400
    local era = math.floor(days / 146097)
    local of_era = days - era * 146097
    local year = math.floor((of_era - math.floor(of_era / 1460) +
        math.floor(of_era / 36524) - math.floor(of_era / 146096)) / 365)
    local of_year = of_era - (365 * year + math.floor(year / 4) -
        math.floor(year / 100))
    local month = math.floor((5 * of_year + 2) / 153)
    local day = of_year - math.floor((153 * month + 2) / 5) + 1
    month = month < 10 and month + 3 or month - 9
    year = year + era * 400 + (month <= 2 and 1 or 0)
    return string.format('%04d-%02d-%02dT%02d:%02d:%02d.%sZ', year, month, day,
        math.floor(second / 3600), math.floor(second / 60) % 60, second % 60,
        micros)
end

-- croniter, which RQ reads expressions with, has seconds behind.
local function croniter_of(cron)
    local words = cron:gsub('%s+', ' ')
    local seconds, rest = words:match('^ ?(%S+) (%S+ %S+ %S+ %S+ %S+) ?$')
    return seconds and rest .. ' ' .. seconds or cron
end

-- A number that JSON has: "inf", which anybody may have written, is none.
local function number_of(text)
    local n = tonumber(text or '')
    return n and n - n == 0 and n or nil
end

local function shown_of(f)
    local every = number_of(f[2])
    if f[11] == '0' or not f[1] or not f[4] or (every ~= nil) == (f[3] ~= false) then
        return nil
    end
    return { func_name = f[1], queue_name = f[4], args = cjson.null,
        kwargs = cjson.null, interval = every or cjson.null,
        cron = f[3] and croniter_of(f[3]) or cjson.null,
        next_enqueue_time = date_of(f[5]) or cjson.null,
        latest_enqueue_time = date_of(f[6]) or cjson.null,
        job_timeout = number_of(f[7]), result_ttl = number_of(f[8]),
        ttl = number_of(f[9]), failure_ttl = number_of(f[10]) }
end

local function forget_shown(registry, key, name)
    if call('EXISTS', key) == 1 then
        call('DEL', key)
        if call('TYPE', registry).ok == 'zset' then
            call('ZREM', registry, name)
        end
    end
end

-- who: the fields of the hash but cron_jobs; schedule_key: id to key.
local function show(registry, key, who, now, schedules, schedule_key)
    local is = call('TYPE', registry).ok
    if (is ~= 'zset' and is ~= 'none') or call('TTL', key) > SHOWN_AGAIN_S then
        return
    end
    local list = {}
    for _, id in ipairs(call('ZRANGE', schedules, 0, SHOWN_MOST - 1)) do
        if call('TYPE', schedule_key(id)).ok == 'hash' then
            list[#list + 1] = shown_of(call('HMGET', schedule_key(id), 'func',
                'every', 'cron', 'queue', 'next', 'last', 'job.timeout',
                'job.result_ttl', 'job.ttl', 'job.failure_ttl',
                'left'))
        end
    end
    call('ZADD', registry, now, who.name)
    call('HSET', key, 'hostname', who.hostname, 'pid', who.pid, 'name',
        who.name, 'created_at', who.created_at, 'config_file', '',
        'cron_jobs', #list > 0 and cjson.encode(list) or '[]')
    call('EXPIRE', key, SHOWN_S)
end
