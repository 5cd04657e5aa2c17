-- KEYS: record, lease, windows of count, of failures
-- ARGV: digest, lease, its ms, number of windows in count; limits and periods
-- Returns the full window if limited, nothing if wrong, else {memo, leased}

local counted = 2 + tonumber(ARGV[4])

local limited = full(3, counted) or full(counted + 1, #KEYS)
if limited then
  return limited
end
count(3, counted)

local record = redis.call('GET', KEYS[1])
local tries = record and string.byte(record, 17) or 0
if tries == 0 or string.sub(record, 1, 16) ~= ARGV[1] then
  if tries > 0 then
    redis.call('SETRANGE', KEYS[1], 16, string.char(tries - 1))
  end
  count(counted + 1, #KEYS)
  return nil
end

local ours = redis.call('SET', KEYS[2], ARGV[2], 'NX', 'PX', ARGV[3])
  or redis.call('GET', KEYS[2]) == ARGV[2]
return {string.sub(record, 23), ours and 1 or 0}
