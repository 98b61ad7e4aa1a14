-- join_group.lua - puts a job into its group: RQ's Group._add_jobs(). For
-- scripts that create jobs, which have save_job.lua as well. The field group_id
-- without this set makes RQ raise when it deletes the job.

-- The fields of ARGV that have a name. With a ttl two words come behind them.
local function sent_fields()
    local fields = {}
    for i = 10, ARGV[3] == '' and #ARGV or #ARGV - 2, 2 do
        fields[ARGV[i]] = ARGV[i + 1]
    end
    return fields
end

-- groups: the key of the set of all names; group: that of the ids; name: nil,
-- there is no group.
local function join_group(groups, group, name)
    if name then
        call('SADD', group, ARGV[1])
        call('SADD', groups, name)
    end
end
