-- KEYS: record, lease, windows of count, of failures
-- ARGV: digest, lease, its ms, number of windows in count; limit and period of each window
-- Returns ms to wait if limited, 0 if wrong, else {leased, memo}

local counted = 2 + tonumber(ARGV[4])

local limited = wait(3, counted)
if limited == 0 then
  limited = wait(counted + 1, #KEYS)
end
if limited > 0 then
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
  return 0
end

local ours = redis.call('SET', KEYS[2], ARGV[2], 'NX', 'PX', ARGV[3])
  or redis.call('GET', KEYS[2]) == ARGV[2]
return {ours and 1 or 0, string.sub(record, 22)}
